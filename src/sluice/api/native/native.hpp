#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "sluice/domain/access/access.hpp"
#include "sluice/domain/datasets/datasets.hpp"
#include "sluice/domain/remote/fetches.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "sluice/domain/schedules/schedules.hpp"
#include "sluice/domain/serving/serving.hpp"
#include "sluice/domain/storage/storage.hpp"
#include "sluice/domain/tracking/tracking.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/secrets.hpp"
#include "sluice/ports/tracked_tasks.hpp"
#include "sluice/ports/uploads.hpp"

namespace sluice::api {

/// The dependencies of the native API. All must outlive the server.
struct NativeApi {
  runs::Runs& runs;
  ports::ObjectStore& objects;
  ports::Uploads& uploads;
  ports::ModelRepository& models;
  serving::Serving& serving;
  access::Access& access;
  const ports::ChangeLog& changes;
  storage::Storage* storage = nullptr;        ///< null: without its routes
  ports::Secrets* secrets = nullptr;          ///< likewise; then nothing is hidden in logs
  remote::Fetches* fetches = nullptr;         ///< null: without its route
  schedules::Schedules* schedules = nullptr;  ///< null: without its routes
  datasets::DataSets* datasets = nullptr;     ///< likewise
  /// What belongs to runs of what clients of MLflow track; not null if `experiments` is not.
  const ports::TrackedTasks* tracked_tasks = nullptr;
  const tracking::Experiments* experiments = nullptr;  ///< null: without the routes of tracked runs
  const Clock& clock;
  std::string version;
  std::filesystem::path data;
  /// The log file of an attempt, given the kind of its operation; empty if that kind has no log.
  std::function<std::filesystem::path(std::string_view kind, const RunId&, const std::string& path,
                                      int attempt)>
      log_of;
  Milliseconds heartbeat = std::chrono::seconds(15);  ///< the longest silence in an event stream
  /// How often an event stream looks at the tasks that are under way.
  Milliseconds progress_interval = std::chrono::seconds(1);
};

/// The protocol under /v1 (see README.md).
ports::Protocol native_protocol(const NativeApi& api);

}  // namespace sluice::api
