#include "sluice/app/plugins.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/api/kubeflow/kubeflow.hpp"
#include "sluice/api/mlflow/mlflow.hpp"
#include "sluice/api/native/native.hpp"
#include "sluice/api/openinference/openinference.hpp"
#include "sluice/base/picture_format.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/access/recorded.hpp"
#include "sluice/domain/ai/dataset_split.hpp"
#include "sluice/domain/ai/head_learn.hpp"
#include "sluice/domain/ai/image_embed.hpp"
#include "sluice/domain/lists/json_lines.hpp"
#include "sluice/domain/models/register_service.hpp"
#include "sluice/domain/remote/remote_url.hpp"
#include "sluice/domain/serving/deploy_service.hpp"
#include "sluice/domain/tracking/kept_tracking.hpp"
#include "sluice/domain/tracking/mlflow_server.hpp"
#include "sluice/domain/tracking/moving_artifacts.hpp"
#include "sluice/domain/tracking/moving_registry.hpp"
#include "sluice/domain/tracking/moving_traces.hpp"
#include "sluice/environments/uv/uv_environments.hpp"
#include "sluice/executors/container/container_engine.hpp"
#include "sluice/executors/process/process_executor.hpp"
#include "sluice/executors/service/service_executor.hpp"
#include "sluice/frontends/kubeflow/kubeflow_frontend.hpp"
#include "sluice/frontends/native/native_frontend.hpp"
#include "sluice/net/outbound_client.hpp"
#include "sluice/net/tls_library.hpp"
#include "sluice/os/files.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"
#include "sluice/stores/directory/artifact_folder.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/directory/directory_uploads.hpp"
#include "sluice/stores/directory/discardable_folders.hpp"
#include "sluice/stores/directory/fetch_memory_files.hpp"
#include "sluice/stores/directory/kept_key.hpp"
#include "sluice/stores/directory/local_artifacts.hpp"
#include "sluice/stores/directory/mlflow_folder.hpp"
#include "sluice/stores/directory/object_copies.hpp"
#include "sluice/stores/directory/outside_folder.hpp"
#include "sluice/stores/directory/secret_files.hpp"
#include "sluice/stores/git/git_model_registry.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/git/model_repositories.hpp"
#include "sluice/stores/git/work_tree.hpp"
#include "sluice/stores/sqlite/mlflow_database.hpp"
#include "sluice/stores/sqlite/mlflow_database_target.hpp"
#include "sluice/stores/sqlite/sqlite_access.hpp"
#include "sluice/stores/sqlite/sqlite_artifact_paths.hpp"
#include "sluice/stores/sqlite/sqlite_datasets.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"
#include "sluice/stores/sqlite/sqlite_logged_models.hpp"
#include "sluice/stores/sqlite/sqlite_model_index.hpp"
#include "sluice/stores/sqlite/sqlite_pipelines.hpp"
#include "sluice/stores/sqlite/sqlite_run_groups.hpp"
#include "sluice/stores/sqlite/sqlite_schedules.hpp"
#include "sluice/stores/sqlite/sqlite_traces.hpp"
#include "sluice/stores/sqlite/sqlite_tracked_tasks.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"
#include "sluice/stores/sqlite/sqlite_tracking_target.hpp"

namespace sluice::app {

const runs::Dialects& builtin_dialects() {
  static const frontends::NativeFrontend native;
  static const frontends::KubeflowFrontend kubeflow;
  static const runs::Dialects dialects{
      .frontends = {&native, &kubeflow},
      .services = {ai::DatasetSplit::declared(), ai::ImageEmbed::declared(), ai::HeadLearn::declared(),
                   models::RegisterService::declared(), serving::DeployService::declared(),
                   lists::JsonLines::declared()},
  };
  return dialects;
}

Services make_services(const ServiceParts& parts) {
  auto bases = std::make_shared<ai::BaseModels>(parts.models);
  const auto platform = ai::this_platform();
  Services made{.shared = bases, .services = {}};
  made.services.push_back(std::make_unique<ai::DatasetSplit>(parts.objects));
  made.services.push_back(std::make_unique<ai::ImageEmbed>(parts.objects, *bases, parts.hosts, platform,
                                                           parts.cache / "features"));
  made.services.push_back(std::make_unique<ai::HeadLearn>(parts.objects, *bases, parts.hosts, platform));
  made.services.push_back(std::make_unique<models::RegisterService>(
      parts.objects, parts.models, parts.facts, parts.clock,
      [&hosts = parts.hosts](const Artifact& base, const Artifact& head, const std::stop_token& cancel) {
        return hosts.try_head({.base = base, .head = head}, cancel);
      }));
  made.services.push_back(std::make_unique<serving::DeployService>(parts.serving));
  made.services.push_back(std::make_unique<lists::JsonLines>(parts.objects));
  for (auto& service : made.services)
    service = access::recorded(std::move(service), {.log = parts.changes, .clock = parts.clock});
  return made;
}

Result<void> Services::check(const std::string& name, const Struct& known) const {
  const auto found =
      std::ranges::find(services, name, [](const auto& service) { return service->signature().name; });
  return found == services.end() ? Result<void>() : (*found)->check(known);
}

Result<Ledger> open_ledger(const DataFolder& data, ports::Durability tracked) {
  struct Tables {
    std::unique_ptr<stores::SqliteLedger> ledger;
    stores::SqliteSchedules schedules;
    stores::SqliteDatasets datasets;
    stores::SqliteAccess access;
    stores::SqliteTracking tracking;
    stores::SqliteTrackedTasks tracked_tasks;
    stores::SqliteLoggedModels logged_models;
    stores::SqliteArtifactPaths artifacts;
    stores::SqliteTraces traces;
    stores::SqliteModelIndex model_index;
    stores::SqlitePipelines pipelines;
    stores::SqliteRunGroups run_groups;
  };
  SLUICE_TRY(opened, stores::SqliteLedger::open(data.ledger()));
  const auto file = opened->file();
  const auto tables = std::make_shared<Tables>(
      std::move(opened), stores::SqliteSchedules(file), stores::SqliteDatasets(file),
      stores::SqliteAccess(file), stores::SqliteTracking(file, tracked),
      stores::SqliteTrackedTasks(file, tracked), stores::SqliteLoggedModels(file, tracked),
      stores::SqliteArtifactPaths(file, tracked), stores::SqliteTraces(file, tracked),
      stores::SqliteModelIndex(file), stores::SqlitePipelines(file), stores::SqliteRunGroups(file));
  auto& ledger = *tables->ledger;
  return Ledger{.owner = tables,
                .journal = &ledger,
                .index = &ledger,
                .deployments = &ledger,
                .schedules = &tables->schedules,
                .datasets = &tables->datasets,
                .tokens = &tables->access,
                .changes = &tables->access,
                .storage = &ledger,
                .tracking = &tables->tracking,
                .tracked_tasks = &tables->tracked_tasks,
                .logged_models = &tables->logged_models,
                .artifacts = &tables->artifacts,
                .traces = &tables->traces,
                .model_index = &tables->model_index,
                .pipelines = &tables->pipelines,
                .run_groups = &tables->run_groups,
                .make_target = [file](Time at) -> std::unique_ptr<ports::TrackingTarget> {
                  return std::make_unique<stores::SqliteTrackingTarget>(file, Principal{}, at);
                }};
}

Result<std::unique_ptr<ports::ObjectStore>> open_object_store(const DataFolder& data, const Clock& clock) {
  return stores::DirectoryObjectStore::open(data.objects(), data.cache(), clock);
}

Result<Objects> open_objects(const DataFolder& data, const Clock& clock, Random& random,
                             std::function<Result<void>(std::int64_t bytes)> admit) {
  struct Both {
    std::unique_ptr<stores::DirectoryObjectStore> store;
    std::unique_ptr<stores::DirectoryUploads> uploads;
  };
  SLUICE_TRY(store, stores::DirectoryObjectStore::open(data.objects(), data.cache(), clock));
  store->set_admission(std::move(admit));
  SLUICE_TRY(uploads, stores::DirectoryUploads::open(*store, clock, random));
  const auto both = std::make_shared<Both>(std::move(store), std::move(uploads));
  return Objects{.owner = both,
                 .store = both->store.get(),
                 .storage = both->store.get(),
                 .uploads = both->uploads.get()};
}

Result<Models> open_models(const DataFolder& data, ports::ObjectStore& objects, const Clock& clock) {
  struct Both {
    std::unique_ptr<stores::GitModelRepository> repository;
    std::unique_ptr<stores::GitModelRegistry> registry;
  };
  SLUICE_TRY(repository, stores::GitModelRepository::open(data.models(), objects, clock));
  SLUICE_TRY(registry, stores::GitModelRegistry::open(*repository, objects));
  const auto both = std::make_shared<Both>(std::move(repository), std::move(registry));
  return Models{.owner = both,
                .repository = both->repository.get(),
                .registry = both->registry.get(),
                .storage = both->repository.get()};
}

Folders storage_folders(const DataFolder& data, const ports::LedgerStorage& ledger) {
  Folders folders{.cache = stores::cache_folders(data.cache(), data.objects()),
                  .logs = stores::log_folder(data.logs(), data.cache()),
                  .areas = {}};
  const auto add = [&folders](std::string name, std::function<Result<ports::Room>()> measure) {
    folders.areas.push_back({.name = std::move(name), .measure = std::move(measure)});
  };
  add("ledger", [&ledger]() -> Result<ports::Room> {
    SLUICE_TRY(size, ledger.size());
    return ports::Room{.things = 1, .bytes = size.bytes};
  });
  for (const auto& [name, path] :
       {std::pair("objects", data.objects()), std::pair("models", data.models()),
        std::pair("cache", data.cache()), std::pair("logs", data.logs()), std::pair("work", data.work())})
    add(name, [path] { return stores::room_of(path); });
  return folders;
}

namespace {

Result<void> copy_logs(const DataFolder& from, const DataFolder& to) {
  if (!os::exists(from.logs())) return {};
  std::error_code failed;
  std::filesystem::copy(from.logs(), to.logs(), std::filesystem::copy_options::recursive, failed);
  if (failed) return Fail(system_error("copy " + from.logs().string(), failed.value()));
  return {};
}

}  // namespace

Result<BackupCounts> copy_stores(const DataFolder& data, const DataFolder& to, const Clock& clock) {
  SLUICE_TRY(held, stores::ObjectsHeld::hold(data.objects()));
  SLUICE_DO(stores::SqliteLedger::copy(data.ledger(), to.ledger()));
  BackupCounts counts;
  SLUICE_TRY(models, stores::git::copy_repositories(data.models(), to.models()));
  counts.models = models;
  SLUICE_TRY(objects, stores::share_objects(data.objects(), to.objects(), clock));
  counts.objects = objects;
  SLUICE_DO(copy_logs(data, to));
  return counts;
}

Result<BackupCounts> copy_stores_checked(const DataFolder& backup, const DataFolder& to, const Clock& clock) {
  SLUICE_DO(stores::SqliteLedger::copy(backup.ledger(), to.ledger()));
  {
    SLUICE_TRY(ledger, stores::SqliteLedger::open(to.ledger()));
    SLUICE_TRY(problems, ledger->problems());
    if (!problems.empty())
      return Fail(Error(Code::data_loss, backup.ledger().string() + ": damaged; use another backup",
                        Blame::environment, std::move(problems)));
  }
  BackupCounts counts;
  SLUICE_TRY(objects, stores::copy_checked(backup.objects(), to.objects(), clock));
  counts.objects = objects;
  SLUICE_TRY(models, stores::git::copy_repositories(backup.models(), to.models()));
  counts.models = models;
  SLUICE_TRY(store, stores::DirectoryObjectStore::open(to.objects(), to.cache(), clock));
  SLUICE_TRY(repositories, stores::GitModelRepository::open(to.models(), *store, clock));
  std::vector<std::string> damaged;
  SLUICE_DO(repositories->verify([&damaged](const std::string& model, const std::string& why) {
    damaged.push_back(model + ": " + why);
  }));
  if (!damaged.empty())
    return Fail(Error(Code::data_loss, "models of the backup are damaged; use another backup",
                      Blame::environment, std::move(damaged)));
  SLUICE_DO(copy_logs(backup, to));
  return counts;
}

Result<std::vector<std::string>> ignored_by_git(const std::filesystem::path& folder) {
  return stores::git::ignored_in_work_tree(folder);
}

Result<FolderPictures> find_pictures(const std::filesystem::path& folder, const ports::Selection& selection) {
  SLUICE_TRY(outside, stores::list_outside(folder, selection));
  const auto first_bytes = [&folder](const ports::TreeFile& file) {
    const auto bytes = os::read_start(folder / file.path, picture_format_bytes);
    return bytes ? *bytes : std::string();
  };
  FolderPictures found{.pictures = ai::picture_folder(std::move(outside.listing), first_bytes),
                       .refused = {}};
  for (auto& [path, why] : outside.refused) found.refused.emplace_back(std::move(path), std::move(why));
  return found;
}

namespace {

/// Who asks a server of MLflow, as its own client reads it from the environment.
std::vector<std::pair<std::string, std::string>> headers_for_mlflow() {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  if (const auto user = set("MLFLOW_TRACKING_USERNAME"); !user.empty())
    return {{"authorization", "Basic " + base64_encode(user + ":" + set("MLFLOW_TRACKING_PASSWORD"))}};
  if (const auto token = set("MLFLOW_TRACKING_TOKEN"); !token.empty())
    return {{"authorization", "Bearer " + token}};
  return {};
}

Result<MovingSource> open_server_of_mlflow(const std::string& place) {
  struct Server {
    std::unique_ptr<ports::Outbound> outbound;
    std::unique_ptr<tracking::MlflowServer> server;
  };
  SLUICE_TRY(url, remote::parse_remote_url(
                      place.find('/', place.find("//") + 2) == std::string::npos ? place + "/" : place));
  if (url.scheme == remote::RemoteUrl::Scheme::s3 || !url.query.empty())
    return Fail(user_error(Code::invalid_argument, url.shown() + ": name a server, as http(s)://HOST:PORT"));
  auto path = url.path;
  while (path.ends_with('/')) path.pop_back();
  const auto made = std::make_shared<Server>(make_outbound(), nullptr);
  SLUICE_TRY(server, tracking::MlflowServer::open(*made->outbound,
                                                  {.tls = url.scheme == remote::RemoteUrl::Scheme::https,
                                                   .host = url.host,
                                                   .port = url.port,
                                                   .path = std::move(path),
                                                   .headers = headers_for_mlflow(),
                                                   .shown = url.origin()}));
  made->server = std::move(server);
  return MovingSource{.owner = made, .records = made->server.get(), .files = made->server.get()};
}

/// A source of two parts.
template <typename Records, typename Files>
MovingSource source_of(std::unique_ptr<Records> records, Files files) {
  struct Both {
    std::unique_ptr<Records> records;
    Files files;
  };
  const auto both = std::make_shared<Both>(std::move(records), std::move(files));
  return {.owner = both, .records = both->records.get(), .files = &both->files};
}

}  // namespace

Result<MovingSource> open_moving_source(const std::string& place, const std::filesystem::path& artifacts) {
  namespace fs = std::filesystem;
  if (remote::is_remote_url(place)) return open_server_of_mlflow(place);
  std::error_code failed;
  const auto file = fs::weakly_canonical(fs::path(place), failed);
  if (failed || !os::exists(file))
    return Fail(user_error(Code::not_found, os::printable(place) + ": no such file"));
  stores::LocalArtifacts::Folders folders{
      .base = file.parent_path(),
      .served = artifacts.empty() ? file.parent_path() / "mlartifacts" : artifacts};
  if (std::filesystem::is_directory(file, failed)) {
    folders.moved = file;
    SLUICE_TRY(records, stores::MlflowFolder::open(file));
    return source_of(std::move(records), stores::LocalArtifacts(std::move(folders)));
  }
  SLUICE_TRY(records, stores::MlflowDatabase::open(file));
  return source_of(std::move(records), stores::LocalArtifacts(std::move(folders)));
}

namespace {

/// Files stay where they are.
class NoFiles final : public ports::ArtifactSource {
 public:
  [[nodiscard]] bool gives_files() const override { return false; }
  Result<void> list(const std::string& /*uri*/, const ports::Take<const File&>& /*take*/) override {
    return {};
  }
  Result<void> read(const std::string& /*uri*/, const std::string& /*path*/,
                    const ports::Take<std::string_view>& /*take*/) override {
    return {};
  }
  Result<bool> is_still(const std::string& /*uri*/, const File& /*file*/,
                        const ports::ArtifactFile& /*moved*/) override {
    return true;
  }
};

}  // namespace

MovingSource make_kept_source(const Ledger& ledger, const Models& models, ports::ObjectStore& objects,
                              const Clock& clock, bool with_files) {
  struct Kept {
    Kept(const Ledger& ledger, const Models& models, ports::ObjectStore& objects, const Clock& clock)
        : files(*ledger.artifacts, objects, clock),
          tracking(*ledger.tracking, *ledger.logged_models, *models.registry, *models.repository,
                   *ledger.traces, files, Principal{}) {}
    tracking::ArtifactFiles files;
    tracking::KeptTracking tracking;
    NoFiles none;
  };
  const auto kept = std::make_shared<Kept>(ledger, models, objects, clock);
  return {.owner = kept,
          .records = &kept->tracking,
          .files = with_files ? static_cast<ports::ArtifactSource*>(&kept->tracking) : &kept->none};
}

Result<MovingTarget> open_moving_target(const std::filesystem::path& file,
                                        const std::filesystem::path& artifacts, const Clock& clock) {
  namespace fs = std::filesystem;
  if (!os::exists(file))
    return Fail(user_error(
        Code::not_found,
        fmt::format("{}: no such file; make it with `mlflow db upgrade sqlite:///{}` of {}",
                    os::printable(file), os::printable(file), stores::MlflowDatabaseTarget::program)));
  std::error_code failed;
  const auto folder = artifacts.empty() ? fs::path() : fs::absolute(artifacts, failed).lexically_normal();
  if (!folder.empty() && os::exists(folder) && (!fs::is_empty(folder, failed) || failed))
    return Fail(
        user_error(Code::already_exists,
                   os::printable(folder) + ": exists and is not an empty folder; name another folder"));
  SLUICE_TRY(records, stores::MlflowDatabaseTarget::open(file, clock.now()));
  auto* const both = records.get();
  return MovingTarget{.owner = {},
                      .records = std::move(records),
                      .files = std::make_unique<stores::ArtifactFolder>(
                          folder.empty() ? fs::path(tracking::artifact_root) : folder),
                      .registry = both,
                      .traces = both};
}

MovingTarget make_moving_target(const Ledger& ledger, const Models& models, ports::ObjectStore& objects,
                                const Clock& clock) {
  struct Kept {
    tracking::ArtifactFiles files;
    tracking::KeptRegistryTarget registry;
    tracking::KeptTraceTarget traces;
  };
  const auto kept = std::make_shared<Kept>(tracking::ArtifactFiles(*ledger.artifacts, objects, clock),
                                           tracking::KeptRegistryTarget(*models.registry, Principal{}),
                                           tracking::KeptTraceTarget(*ledger.traces, Principal{}));
  return {.owner = kept,
          .records = ledger.make_target(clock.now()),
          .files = std::make_unique<tracking::ArtifactFilesTarget>(kept->files, Principal{}),
          .registry = &kept->registry,
          .traces = &kept->traces};
}

Result<std::string> version_of_model_library() { return stores::GitModelRepository::library_version(); }

std::vector<std::string> library_versions() {
  return {ai::this_platform().runtime, "sqlite " + stores::SqliteLedger::library_version(),
          "openssl " + net::tls_library_version(),
          "libgit2 " + version_of_model_library().value_or("not found")};
}

std::unique_ptr<ports::ModelRuntime> make_runtime(const Installation& installation,
                                                  Milliseconds host_silence) {
  return std::make_unique<runtimes::HostedRuntime>(installation.host, host_silence);
}

std::unique_ptr<ports::Environments> make_environments(const DataFolder& data,
                                                       const Installation& installation,
                                                       ports::ObjectStore& objects,
                                                       std::function<Result<void>(std::int64_t)> admit) {
  return std::make_unique<environments::UvEnvironments>(
      environments::UvEnvironments::Options{.uv = installation.uv,
                                            .folder = data.environments(),
                                            .interpreters = {"/usr/local/bin", "/usr/bin"},
                                            .settings = environments::UvEnvironments::settings_of(environ),
                                            .allowed = environments::UvEnvironments::allowed_of(environ),
                                            .admit = std::move(admit)},
      objects);
}

std::unique_ptr<ports::Containers> make_containers() {
  return std::make_unique<executors::ContainerEngine>(executors::ContainerEngine::settings_of(environ));
}

Result<std::string> container_engine_version() {
  return executors::ContainerEngine(executors::ContainerEngine::settings_of(environ)).version();
}

std::unique_ptr<ports::Secrets> open_secrets(const DataFolder& data, const Clock& clock, Random& random) {
  return stores::secret_files(data.secrets(), clock, random);
}

std::unique_ptr<ports::Outbound> make_outbound() { return std::make_unique<net::OutboundClient>(); }

Result<std::string> open_task_key(const DataFolder& data, Random& random) {
  return stores::kept_key(data.task_key(), random);
}

std::unique_ptr<ports::FetchMemory> open_fetch_memory(const DataFolder& data, Random& random) {
  return stores::fetch_memory_files(data.fetched(), random);
}

Executors make_executors(const ExecutorParts& parts) {
  std::vector<ports::Service*> services;
  services.reserve(parts.services.services.size());
  for (const auto& service : parts.services.services) services.push_back(service.get());
  Executors made;
  // One for both: the supervisor of a data folder has one client that follows what it reports.
  const auto processes = std::make_shared<executors::ProcessExecutor>(
      parts.data.root, parts.objects, parts.sink, parts.clock, parts.installation.supervisor,
      executors::Given{.environments = &parts.environments,
                       .secrets = &parts.secrets,
                       .containers = &parts.containers,
                       .variables = parts.variables});
  made.emplace_back(engine::TaskSpec::Kind::process, processes);
  made.emplace_back(engine::TaskSpec::Kind::container, processes);
  made.emplace_back(engine::TaskSpec::Kind::service,
                    std::make_shared<executors::ServiceExecutor>(
                        executors::ServiceExecutor::Options{.work = parts.data.work()}, std::move(services),
                        parts.sink, parts.clock));
  return made;
}

std::vector<ports::Protocol> make_protocols(const ProtocolParts& parts) {
  const auto log_of = [&executors = parts.executors](std::string_view kind, const RunId& run,
                                                     const std::string& path, int attempt) {
    for (const auto& [runs_kind, executor] : executors)
      if (engine::name(runs_kind) == kind) return executor->log_of(run, path, attempt);
    return std::filesystem::path();
  };
  std::vector<ports::Protocol> made;
  made.push_back(api::native_protocol({.runs = parts.runs,
                                       .objects = parts.objects,
                                       .uploads = parts.uploads,
                                       .models = parts.models,
                                       .serving = parts.serving,
                                       .access = parts.access,
                                       .changes = parts.changes,
                                       .storage = &parts.storage,
                                       .secrets = &parts.secrets,
                                       .fetches = &parts.fetches,
                                       .schedules = &parts.schedules,
                                       .datasets = &parts.datasets,
                                       .tracked_tasks = &parts.tracked_tasks,
                                       .experiments = &parts.experiments,
                                       .clock = parts.clock,
                                       .version = SLUICE_VERSION,
                                       .data = parts.data.root,
                                       .log_of = log_of}));
  made.push_back(api::openinference_protocol(parts.serving, SLUICE_VERSION));
  made.push_back(api::mlflow_protocol({.experiments = parts.experiments,
                                       .logged_models = parts.logged_models,
                                       .artifacts = parts.artifacts,
                                       .uploads = parts.uploads,
                                       .registry = parts.registry,
                                       .traces = parts.traces,
                                       .task_runs = parts.task_runs,
                                       .interface_file = parts.interface_file,
                                       .is_encrypted = parts.is_encrypted}));
  made.push_back(api::kubeflow_protocol(
      {.pipelines = parts.pipelines, .groups = parts.run_groups, .objects = parts.objects}));
  // Until there is a console.
  made.push_back({.name = "console",
                  .routes = {{.method = "GET",
                              .pattern = "/",
                              .handler =
                                  [](const ports::Request&, ports::Responder respond) {
                                    respond({.status = 302, .headers = {{"Location", "/mlflow/"}}});
                                  }}},
                  .error = nullptr});
  for (auto& protocol : made)
    protocol = access::recorded(std::move(protocol), {.log = parts.changes, .clock = parts.clock});
  return made;
}

}  // namespace sluice::app
