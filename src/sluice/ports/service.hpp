#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ir/signature.hpp"
#include "sluice/ports/progress.hpp"

namespace sluice::ports {

/// One call of a service, its arguments checked against the signature (the service applies defaults
/// itself).
struct ServiceCall {
  Struct with;
  RunId run;
  std::string path;
  std::string effect_key;  ///< run + task path: an effect returns the same result for the same key
  Principal principal;
  std::filesystem::path scratch;  ///< an empty folder for this call only; removed afterwards
  std::stop_token cancel;
  ReportProgress report = [](auto...) {};  ///< for work that takes more than a moment
};

/// A built-in operation. Thread-safe, and stateless between calls except for what its ports hold.
class Service {
 public:
  virtual ~Service() = default;
  [[nodiscard]] virtual const ir::Signature& signature() const = 0;
  /// What decides the result besides the arguments: model digests, instruction set. Enters the cache key.
  /// Called on any thread, before a call and again when it has ended; it may read the repository of a model.
  /// Models are those of the default workspace.
  [[nodiscard]] virtual Result<Value> environment(const Struct& with) const = 0;
  /// Refuses what `run` would refuse for certain: `known` holds those inputs of a call that are known before
  /// the run, so that nothing is done in vain. Called on the thread that submits, for calls that are certain
  /// to be made; looks at the inputs, and does none of the work.
  [[nodiscard]] virtual Result<void> check(const Struct& /*known*/) const { return {}; }
  /// The declared outputs; artifacts among them are already in the object store. Called on a worker thread of
  /// the service executor; may block.
  virtual Result<Struct> run(const ServiceCall& call) = 0;
};

}  // namespace sluice::ports
