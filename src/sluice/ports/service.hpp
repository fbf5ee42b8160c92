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

/// Built-in work. Called on a worker thread of the service executor; may block; thread-safe.
/// Stateless between calls but for what its ports hold.
class Service {
 public:
  virtual ~Service() = default;
  [[nodiscard]] virtual const ir::Signature& signature() const = 0;
  /// What decides the answer besides the arguments: model digests, instruction set. Enters the cache key.
  /// Cheap.
  [[nodiscard]] virtual Result<Value> environment(const Struct& with) const = 0;
  /// The declared outputs; artifacts among them are in the object store already.
  virtual Result<Struct> run(const ServiceCall& call) = 0;
};

}  // namespace sluice::ports
