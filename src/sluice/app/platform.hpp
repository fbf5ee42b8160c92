#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/app/data_folder.hpp"
#include "sluice/app/end_notice.hpp"
#include "sluice/app/remote_options.hpp"
#include "sluice/app/tracking_variables.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "sluice/domain/storage/storage.hpp"
#include "sluice/engine/limits.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::app {

/// All roles of Sluice on one data folder, in this process. Holds the folder's lock.
class Platform {
 public:
  struct Options {
    DataFolder data;
    std::string holder;  ///< the name of this process in messages of others: "sluice up"
    Milliseconds host_idle = std::chrono::seconds(60);
    Milliseconds host_silence = std::chrono::minutes(2);  ///< see make_runtime
    engine::Limits run_limits = {};
    std::string slots = {};                 ///< as slots_of (slots.hpp) reads it
    std::optional<std::string> token = {};  ///< of an administrator
    storage::Quota::Limits quota = {};
    RemotePolicy remote = {};
    std::optional<EndNotice> on_end = {};  ///< of every run
    std::optional<storage::Storage::Automatic> sweeps = {};
    /// What clients log is synced to the disk before they are told so.
    bool durable_tracking = false;
    std::filesystem::path mlflow_interface = {};  ///< find_mlflow_interface
    bool is_encrypted = false;                    ///< clients reach the server with TLS
  };
  /// Opens the folder, or creates it, and imports missing built-in models. Fails if another process holds it.
  static Result<std::unique_ptr<Platform>> open(Options options);
  ~Platform();

  /// Performs the initialization that the first requests would otherwise wait for: milliseconds. Any thread,
  /// once.
  void warm_up();
  /// Tasks that start from now on log to this server; before it is called, they are told of none.
  void served_at(ServedAt server);
  /// From now on the runs of schedules are started when they are due. After the runs of the journal were
  /// resumed; once.
  Result<void> begin_schedules();
  [[nodiscard]] runs::Runs& runs();
  [[nodiscard]] std::vector<ports::Protocol> protocols();
  /// Those who may use this data folder besides its owner.
  [[nodiscard]] const ports::Callers& callers() const;
  [[nodiscard]] const Clock& clock() const;

 private:
  struct Impl;
  explicit Platform(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The paths of an installation's parts, derived from the path of this program.
struct Installation {
  std::filesystem::path uv;  ///< makes Python environments
  std::filesystem::path supervisor;
  std::filesystem::path host;
  std::filesystem::path models;  ///< a folder of bare repositories
};
Installation find_installation();

}  // namespace sluice::app
