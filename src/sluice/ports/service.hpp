#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::ports {

/// One call of a service, its arguments checked against the signature (defaults are the service's own
/// matter).
struct ServiceCall {
  Struct with;
  RunId run;
  std::string path;
  std::string effect_key;  ///< run + task path: effects answer the same to the same key
  Principal principal;
  std::filesystem::path scratch;  ///< an empty folder of this call's own; removed afterwards
  std::stop_token cancel;
};

/// Built-in work. Thread-safe, and stateless between calls but for what its ports hold.
class Service {
 public:
  virtual ~Service() = default;
  [[nodiscard]] virtual const ir::Signature& signature() const = 0;
  /// What decides the answer besides the arguments: model digests, instruction set. Enters the cache key.
  /// Called on the driver's thread, which all runs share, and again on the worker when the call has ended. So
  /// it waits for no host, no network and no lock that is held for long. It may read the repository of a
  /// model, and then keeps what it read of a version, which never changes: the first look at a version costs
  /// some milliseconds, a later one the reading of one small file. Models are those of the default workspace.
  [[nodiscard]] virtual Result<Value> environment(const Struct& with) const = 0;
  /// The declared outputs; artifacts among them are in the object store already. Called on a worker thread of
  /// the service executor; may block.
  virtual Result<Struct> run(const ServiceCall& call) = 0;
};

}  // namespace sluice::ports
