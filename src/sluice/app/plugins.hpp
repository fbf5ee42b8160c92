#pragma once
// The built-in implementations. All code that names a concrete class of another module is in plugins.cpp.
#include <memory>
#include <utility>
#include <vector>

#include "sluice/app/data_folder.hpp"
#include "sluice/app/platform.hpp"
#include "sluice/domain/access/access.hpp"
#include "sluice/domain/ai/picture_folder.hpp"
#include "sluice/domain/datasets/datasets.hpp"
#include "sluice/domain/models/provenance.hpp"
#include "sluice/domain/models/registry.hpp"
#include "sluice/domain/pipelines/pipelines.hpp"
#include "sluice/domain/pipelines/run_groups.hpp"
#include "sluice/domain/remote/fetches.hpp"
#include "sluice/domain/runs/compile.hpp"
#include "sluice/domain/runs/runs.hpp"
#include "sluice/domain/schedules/schedules.hpp"
#include "sluice/domain/serving/hosts.hpp"
#include "sluice/domain/serving/serving.hpp"
#include "sluice/domain/storage/storage.hpp"
#include "sluice/domain/tracking/artifact_files.hpp"
#include "sluice/domain/tracking/logged_models.hpp"
#include "sluice/domain/tracking/task_run_follower.hpp"
#include "sluice/domain/tracking/traces.hpp"
#include "sluice/domain/tracking/tracking.hpp"
#include "sluice/engine/work.hpp"
#include "sluice/ports/access.hpp"
#include "sluice/ports/artifacts.hpp"
#include "sluice/ports/containers.hpp"
#include "sluice/ports/environments.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/fetch_memory.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/logged_models.hpp"
#include "sluice/ports/model_host.hpp"
#include "sluice/ports/model_registry.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/moving.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/outbound.hpp"
#include "sluice/ports/pipelines.hpp"
#include "sluice/ports/schedules.hpp"
#include "sluice/ports/secrets.hpp"
#include "sluice/ports/service.hpp"
#include "sluice/ports/storage.hpp"
#include "sluice/ports/traces.hpp"
#include "sluice/ports/tracked_tasks.hpp"
#include "sluice/ports/tracking.hpp"
#include "sluice/ports/uploads.hpp"

namespace sluice::app {

/// Every front end, and the signature of every service: enough to compile a plan without a data folder.
const runs::Dialects& builtin_dialects();

/// One ledger and its interfaces; `owner` keeps them alive.
struct Ledger {
  std::shared_ptr<void> owner;
  ports::Journal* journal = nullptr;
  ports::RunIndex* index = nullptr;
  ports::Deployments* deployments = nullptr;
  ports::Schedules* schedules = nullptr;
  ports::Datasets* datasets = nullptr;
  ports::Tokens* tokens = nullptr;
  ports::ChangeLog* changes = nullptr;
  ports::LedgerStorage* storage = nullptr;
  ports::Tracking* tracking = nullptr;
  ports::TrackedTasks* tracked_tasks = nullptr;
  ports::LoggedModels* logged_models = nullptr;
  ports::ArtifactPaths* artifacts = nullptr;
  ports::Traces* traces = nullptr;
  ports::ModelIndex* model_index = nullptr;
  ports::NamedPipelines* pipelines = nullptr;
  ports::RunGroups* run_groups = nullptr;
  /// Puts what another program tracked.
  std::function<std::unique_ptr<ports::TrackingTarget>(Time at)> make_target;
};
/// `tracked`: what happens to that which clients log, when they are told that it is stored.
Result<Ledger> open_ledger(const DataFolder& data, ports::Durability tracked = ports::Durability::process);
Result<std::unique_ptr<ports::ObjectStore>> open_object_store(const DataFolder& data, const Clock& clock);
/// An object store, its interfaces, and the uploads into it; `owner` keeps them alive.
struct Objects {
  std::shared_ptr<void> owner;
  ports::ObjectStore* store = nullptr;
  ports::ObjectStorage* storage = nullptr;
  ports::Uploads* uploads = nullptr;
};
/// For the process that holds the data folder. `admit` is asked before bytes are stored.
Result<Objects> open_objects(const DataFolder& data, const Clock& clock, Random& random,
                             std::function<Result<void>(std::int64_t bytes)> admit);
/// The model repositories and their interfaces; `owner` keeps them alive.
struct Models {
  std::shared_ptr<void> owner;
  ports::ModelRepository* repository = nullptr;
  ports::ModelRegistry* registry = nullptr;
  ports::ModelStorage* storage = nullptr;
};
Result<Models> open_models(const DataFolder& data, ports::ObjectStore& objects, const Clock& clock);

/// What can be removed from the data folder besides objects and runs, and what takes its room.
struct Folders {
  std::vector<std::unique_ptr<ports::DiscardableFolder>> cache;
  std::unique_ptr<ports::DiscardableFolder> logs;
  std::vector<storage::Area> areas;
};
Folders storage_folders(const DataFolder& data, const ports::LedgerStorage& ledger);
/// What a backup holds.
struct BackupCounts {
  ports::Room objects;
  std::int64_t models = 0;
};
/// Copies the stored parts of a data folder, which a server may be using, to the new folder `to`: the ledger
/// first, so that all that it names is there when it is copied.
Result<BackupCounts> copy_stores(const DataFolder& data, const DataFolder& to, const Clock& clock);
/// The inverse: every object, every repository and the ledger are checked.
Result<BackupCounts> copy_stores_checked(const DataFolder& backup, const DataFolder& to, const Clock& clock);

/// Where what was tracked comes from, or goes.
struct MovingSource {
  std::shared_ptr<void> owner;
  ports::TrackingSource* records = nullptr;
  ports::ArtifactSource* files = nullptr;
};
struct MovingTarget {
  std::shared_ptr<void> owner;
  std::unique_ptr<ports::TrackingTarget> records;
  std::unique_ptr<ports::ArtifactTarget> files;
  ports::RegistryTarget* registry = nullptr;  ///< of the owner, or of `records`
  ports::TraceTarget* traces = nullptr;       ///< likewise
};
/// What MLflow tracked: a server's URL, a file of SQLite, or a folder. `artifacts`: the folder of the
/// artifacts that its server kept; "": where it is by default.
Result<MovingSource> open_moving_source(const std::string& place, const std::filesystem::path& artifacts);
/// What this platform keeps, perhaps without files. The others must outlive it.
MovingSource make_kept_source(const Ledger& ledger, const Models& models, ports::ObjectStore& objects,
                              const Clock& clock, bool with_files);
/// A file of SQLite that MLflow has made, which is filled. `artifacts`: a folder that files are copied to;
/// "": none are.
Result<MovingTarget> open_moving_target(const std::filesystem::path& file,
                                        const std::filesystem::path& artifacts, const Clock& clock);
/// This platform. These must outlive the target.
MovingTarget make_moving_target(const Ledger& ledger, const Models& models, ports::ObjectStore& objects,
                                const Clock& clock);

/// The version of the library that stores models; fails if it cannot be loaded.
Result<std::string> version_of_model_library();
/// The names and versions of the libraries that decide about results and formats.
std::vector<std::string> library_versions();
/// `host_silence`: a host that works on something and is silent for so long hangs, and is replaced.
std::unique_ptr<ports::ModelRuntime> make_runtime(const Installation& installation,
                                                  Milliseconds host_silence);

/// The dependencies of services.
struct ServiceParts {
  ports::ObjectStore& objects;
  ports::ModelRepository& models;
  serving::Hosts& hosts;
  serving::Serving& serving;
  const models::RunFacts& facts;
  ports::ChangeLog& changes;
  const Clock& clock;
  std::filesystem::path cache;  ///< a folder for what can be computed again
};
/// The services, with the objects that they share.
struct Services {
  std::shared_ptr<void> shared;
  std::vector<std::unique_ptr<ports::Service>> services;

  /// See ports::Service::check; of the service with this name.
  [[nodiscard]] Result<void> check(const std::string& name, const Struct& known) const;
};
Services make_services(const ServiceParts& parts);

/// What git ignores below a folder, relative to it; empty if it is in no git work tree.
Result<std::vector<std::string>> ignored_by_git(const std::filesystem::path& folder);

/// The pictures in a folder, of what `selection` takes of it, and which of that no store would take, and why.
struct FolderPictures {
  ai::PictureFolder pictures;
  std::vector<std::pair<std::filesystem::path, std::string>> refused;
};
Result<FolderPictures> find_pictures(const std::filesystem::path& folder, const ports::Selection& selection);

std::unique_ptr<ports::Environments> make_environments(const DataFolder& data,
                                                       const Installation& installation,
                                                       ports::ObjectStore& objects,
                                                       std::function<Result<void>(std::int64_t)> admit);

/// The container engine of this machine, as the environment of this process says.
std::unique_ptr<ports::Containers> make_containers();
/// Its name and version; fails if there is none that works.
Result<std::string> container_engine_version();

std::unique_ptr<ports::Secrets> open_secrets(const DataFolder& data, const Clock& clock, Random& random);

/// The key that signs the tokens of tasks; made at the first start.
Result<std::string> open_task_key(const DataFolder& data, Random& random);

std::unique_ptr<ports::Outbound> make_outbound();
std::unique_ptr<ports::FetchMemory> open_fetch_memory(const DataFolder& data, Random& random);

/// The dependencies of executors.
struct ExecutorParts {
  const DataFolder& data;
  const Installation& installation;
  const Services& services;
  ports::ObjectStore& objects;
  ports::Environments& environments;
  ports::Containers& containers;
  const ports::Secrets& secrets;
  std::function<std::vector<std::string>(const ports::Attempt&)> variables;  ///< of attempts
  ports::OutcomeSink& sink;
  const Clock& clock;
};
/// The executor of each kind of work; some run several kinds.
using Executors = std::vector<std::pair<engine::TaskSpec::Kind, std::shared_ptr<ports::Executor>>>;
Executors make_executors(const ExecutorParts& parts);

/// The dependencies of protocols.
struct ProtocolParts {
  const DataFolder& data;
  runs::Runs& runs;
  ports::ObjectStore& objects;
  ports::Uploads& uploads;
  ports::ModelRepository& models;
  serving::Serving& serving;
  access::Access& access;
  ports::Secrets& secrets;
  remote::Fetches& fetches;
  schedules::Schedules& schedules;
  datasets::DataSets& datasets;
  ports::ChangeLog& changes;
  const Executors& executors;
  storage::Storage& storage;
  tracking::Experiments& experiments;
  const ports::TrackedTasks& tracked_tasks;
  tracking::LoggedModels& logged_models;
  tracking::ArtifactFiles& artifacts;
  std::function<std::filesystem::path(const std::string&)> interface_file;
  bool is_encrypted;
  tracking::Traces& traces;
  tracking::TaskRuns& task_runs;
  models::Registry& registry;
  pipelines::Pipelines& pipelines;
  pipelines::RunGroups& run_groups;
  const Clock& clock;
};
/// All wire protocols. `check_paths` (paths.hpp) checks which paths each may have.
std::vector<ports::Protocol> make_protocols(const ProtocolParts& parts);

}  // namespace sluice::app
