#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sluice/base/value.hpp"
#include "sluice/ports/progress.hpp"

namespace sluice::ports {

/// The response of a host: JSON and bytes.
struct HostResponse {
  Value result;
  std::string payload;
};
using HostDone = std::move_only_function<void(Result<HostResponse>)>;

/// A process that runs models, and the models that it has loaded. A crash affects this process only: calls in
/// flight fail with Code::unavailable and `died()` stays true from then on. Thread-safe.
class ModelHost {
 public:
  virtual ~ModelHost() = default;
  /// `method` and `params` as ipc/host/README.md lists them. Many calls may be in flight at once. `done`
  /// runs once: on the host's reader thread (it must return quickly there), or within this call if the host
  /// has already died or the request is too long to be sent. `report`, if not null, is called before that, on
  /// the reader thread, whenever the host reports how far the call is.
  virtual void call(std::string method, Value params, std::string payload, HostDone done,
                    ReportProgress report = nullptr) = 0;
  [[nodiscard]] virtual bool died() const = 0;
  [[nodiscard]] virtual int pid() const = 0;
};

/// The folders of a host. Whatever else is on the disk, it cannot see.
struct HostFolders {
  std::filesystem::path base;  ///< the base model's files, which it reads when it starts
  std::filesystem::path
      compiled;  ///< what hosts of this base compiled; the runtime adds to it what this one does
  std::filesystem::path scratch;  ///< its own: empty, and removed once `load_base` was answered
};

/// Starts hosts. Thread-safe. A host exits when its last owner releases it.
class ModelRuntime {
 public:
  virtual ~ModelRuntime() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The folders must exist; a path may be empty. Returns once the process is spawned; it may still be
  /// loading its libraries (calls wait for that).
  virtual Result<std::shared_ptr<ModelHost>> start_host(const HostFolders& folders) = 0;
};

}  // namespace sluice::ports
