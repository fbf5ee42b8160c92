#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/engine/work.hpp"

namespace sluice::ports {

/// The Python packages that a task requires (ir::Environment), read.
struct EnvironmentRequest {
  std::string python;                                  ///< "3.11"; "": any
  std::vector<std::string> requirements;               ///< each is an ir::Requirement
  std::vector<std::string> without_dependencies = {};  ///< likewise; what these depend on is not installed
};

/// Makes Python environments: an interpreter of this machine with packages beside it. Thread-safe.
class Environments {
 public:
  virtual ~Environments() = default;
  /// Finds the interpreter, and a version of every package. Equal requests get what the first one got, as
  /// long as it is kept, without asking an index. May take minutes. Code::invalid_argument if the
  /// requirements contradict each other or name what no index has; Code::not_found if there is no
  /// interpreter; Code::unavailable if no index responds.
  virtual Result<engine::PythonEnvironment> lock(const EnvironmentRequest& request) = 0;

  /// Whether a requirement may be used, which names an index, an address or a path.
  [[nodiscard]] virtual bool allows(const std::string& requirement) const = 0;

  /// An environment that is there, and stays as long as this object.
  class Made {
   public:
    virtual ~Made() = default;
    /// Its programs are in `bin` below it. It cannot be moved.
    [[nodiscard]] virtual const std::filesystem::path& folder() const = 0;
  };
  /// Passes the environment to `done`, on this thread if it is there, else on one of its own when it has been
  /// made: once, whoever asks for it meanwhile. What is made is exactly what the lock names; a digest that
  /// differs is an error. `done` is called exactly once; not after `this` is gone.
  virtual void make(const engine::PythonEnvironment& environment,
                    std::function<void(Result<std::shared_ptr<const Made>>)> done) = 0;
};

}  // namespace sluice::ports
