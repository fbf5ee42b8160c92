#include "sluice/app/platform.hpp"

#include <mutex>

#include <sys/resource.h>
#include <unistd.h>

#include "sluice/app/deciding_file.hpp"
#include "sluice/app/end_notices.hpp"
#include "sluice/app/mlflow_interface.hpp"
#include "sluice/app/paths.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/app/slots.hpp"
#include "sluice/app/told_journal.hpp"
#include "sluice/base/log.hpp"
#include "sluice/domain/runs/facts.hpp"
#include "sluice/driver/driver.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

namespace {

/// Of the calling thread. Not the lowest priority: others wait for the locks that it holds.
void lower_priority() { setpriority(PRIO_PROCESS, 0, 10); }  // 0: this thread, on Linux

}  // namespace

/// Members are in the order of their dependencies; they are destroyed in reverse.
struct Platform::Impl {
  Impl(Options o, os::FileLock l) : options(std::move(o)), lock(std::move(l)) {}

  Options options;
  os::FileLock lock;
  Installation installation = find_installation();
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<storage::Quota> quota;
  Objects objects;
  Ledger ledger;
  Models models;
  std::unique_ptr<ports::ModelRuntime> runtime;
  std::unique_ptr<serving::Hosts> hosts;
  std::unique_ptr<serving::Serving> serving;
  std::unique_ptr<access::TaskTokens> task_tokens;
  std::unique_ptr<access::Access> access;
  std::unique_ptr<DecidingFile> deciding;
  std::unique_ptr<ports::Environments> environments;
  std::unique_ptr<ports::Containers> containers = make_containers();
  std::unique_ptr<ports::Secrets> secrets;
  std::unique_ptr<ports::Outbound> outbound;
  std::unique_ptr<ports::FetchMemory> fetch_memory;
  std::unique_ptr<remote::RemoteFiles> remote_files;
  std::unique_ptr<remote::Fetches> fetches;
  std::unique_ptr<ToldJournal> told_journal;
  std::unique_ptr<EndNotices> end_notices;
  std::unique_ptr<driver::Driver> driver;
  std::unique_ptr<runs::Runs> runs;
  std::unique_ptr<pipelines::Pipelines> pipelines;
  std::unique_ptr<pipelines::RunGroups> run_groups;
  std::unique_ptr<schedules::Scheduler> scheduler;
  std::unique_ptr<schedules::Schedules> schedules;
  std::unique_ptr<datasets::DataSets> datasets;
  std::unique_ptr<runs::JournalFacts> facts;
  Services services;
  Executors executors;
  Folders folders;
  std::function<std::filesystem::path(const std::string&)> interface_file =
      interface_files(options.mlflow_interface);
  std::unique_ptr<tracking::Experiments> experiments;
  std::unique_ptr<tracking::TaskRuns> task_runs;
  std::unique_ptr<tracking::TaskRunFollower> task_run_follower;
  std::unique_ptr<tracking::LoggedModels> logged_models;
  std::unique_ptr<tracking::ArtifactFiles> artifacts;
  std::unique_ptr<tracking::Traces> traces;
  std::unique_ptr<models::Registry> registry;
  std::unique_ptr<storage::Storage> storage;

  std::mutex served_mutex;
  ServedAt served;  ///< guarded by served_mutex

  ~Impl() {
    storage.reset();                  // it uses all the others
    if (scheduler) scheduler->end();  // before the driver, by which it starts runs
    // The driver's thread calls executors, and executors call the driver: the thread must end first.
    if (driver) driver->end();
    end_notices.reset();  // the driver tells them of ends
    task_run_follower.reset();
  }

  Result<void> open() {
    const auto& data = options.data;
    quota =
        std::make_unique<storage::Quota>(options.quota, [this] { return os::free_bytes(options.data.root); });
    SLUICE_TRY(opened_objects,
               open_objects(data, clock, random, [this](std::int64_t bytes) { return quota->admit(bytes); }));
    objects = std::move(opened_objects);
    SLUICE_TRY(opened_ledger, open_ledger(data, options.durable_tracking ? ports::Durability::power
                                                                         : ports::Durability::process));
    ledger = std::move(opened_ledger);
    experiments = std::make_unique<tracking::Experiments>(*ledger.tracking, clock, random);
    SLUICE_DO(experiments->prepare({}));
    task_runs = std::make_unique<tracking::TaskRuns>(tracking::TaskRuns::Ports{.tracking = *ledger.tracking,
                                                                               .tasks = *ledger.tracked_tasks,
                                                                               .runs = *ledger.index,
                                                                               .clock = clock,
                                                                               .random = random});
    task_run_follower = std::make_unique<tracking::TaskRunFollower>(
        tracking::TaskRunFollower::Ports{.tracking = *ledger.tracking,
                                         .tasks = *ledger.tracked_tasks,
                                         .journal = *ledger.journal,
                                         .task_runs = *task_runs},
        lower_priority);
    logged_models =
        std::make_unique<tracking::LoggedModels>(*ledger.logged_models, *ledger.tracking, clock, random);
    artifacts = std::make_unique<tracking::ArtifactFiles>(*ledger.artifacts, *objects.store, clock,
                                                          options.durable_tracking);
    traces = std::make_unique<tracking::Traces>(*ledger.traces, *ledger.tracking, clock, random);
    SLUICE_TRY(key, open_task_key(data, random));
    task_tokens = std::make_unique<access::TaskTokens>(std::move(key));
    SLUICE_TRY(opened_access, access::Access::open({.tokens = *ledger.tokens,
                                                    .clock = clock,
                                                    .random = random,
                                                    .tasks = task_tokens.get(),
                                                    .goes_on =
                                                        [this](const auto& workspace, const RunId& run) {
                                                          return task_runs->goes_on(workspace, run);
                                                        }},
                                                   options.token));
    access = std::move(opened_access);
    SLUICE_TRY(opened_models, open_models(data, *objects.store, clock));
    models = std::move(opened_models);
    SLUICE_DO(import_builtin_models());
    registry = std::make_unique<models::Registry>(models::Registry::Ports{
        .registry = *models.registry,
        .repositories = *models.repository,
        .index = *ledger.model_index,
        .logged_models = *ledger.logged_models,
        .runs = *ledger.tracking,
        .artifacts = *ledger.artifacts,
        .objects = *objects.store,
        .clock = clock,
        .removed = [this](const auto& place) { serving->forget_model(place.workspace, place.model); }});
    runtime = make_runtime(installation, options.host_silence);
    hosts = std::make_unique<serving::Hosts>(
        *runtime, *objects.store, clock,
        serving::Hosts::Options{.cache = data.cache(), .idle = options.host_idle});
    serving = std::make_unique<serving::Serving>(*models.repository, *ledger.deployments, *hosts, clock);
    SLUICE_TRY(slots, slots_of(options.slots));
    SLUICE_TRY(opened_deciding, DecidingFile::open(data.deciding()));
    deciding = std::move(opened_deciding);
    auto& journal = told_of();
    driver = std::make_unique<driver::Driver>(driver::Driver::Ports{.journal = journal,
                                                                    .index = *ledger.index,
                                                                    .objects = *objects.store,
                                                                    .clock = clock,
                                                                    .services = builtin_dialects().services,
                                                                    .note = deciding.get(),
                                                                    .limits = options.run_limits,
                                                                    .slots = std::move(slots)});
    environments = make_environments(data, installation, *objects.store,
                                     [this](std::int64_t bytes) { return quota->admit(bytes); });
    secrets = open_secrets(data, clock, random);
    outbound = make_outbound();
    fetch_memory = open_fetch_memory(data, random);
    remote_files = std::make_unique<remote::RemoteFiles>(remote::RemoteFiles::Ports{.outbound = *outbound,
                                                                                    .objects = *objects.store,
                                                                                    .secrets = *secrets,
                                                                                    .memory = *fetch_memory,
                                                                                    .clock = clock},
                                                         options.remote.allowed, options.remote.limits);
    fetches = std::make_unique<remote::Fetches>(*remote_files, clock, remote::Fetches::Limits{});
    runs = std::make_unique<runs::Runs>(
        runs::Runs::Ports{
            .control = *driver,
            .journal = journal,
            .index = *ledger.index,
            .objects = *objects.store,
            .clock = clock,
            .random = random,
            .environments = environments.get(),
            .containers = containers.get(),
            .secrets = secrets.get(),
            .check_call = [this](const auto& name, const auto& known) { return services.check(name, known); },
            .check_room = [this] { return quota->admit(0); }},
        builtin_dialects());
    tell_ends();
    pipelines = std::make_unique<pipelines::Pipelines>(
        pipelines::Pipelines::Ports{
            .store = *ledger.pipelines, .objects = *objects.store, .clock = clock, .random = random},
        builtin_dialects());
    run_groups =
        std::make_unique<pipelines::RunGroups>(pipelines::RunGroups::Ports{.store = *ledger.run_groups,
                                                                           .pipelines = *pipelines,
                                                                           .runs = *runs,
                                                                           .objects = *objects.store,
                                                                           .clock = clock,
                                                                           .random = random},
                                               builtin_dialects());
    SLUICE_TRY(default_group, run_groups->default_group({}));
    static_cast<void>(default_group);
    scheduler = std::make_unique<schedules::Scheduler>(schedules::Scheduler::Ports{
        .store = *ledger.schedules, .runs = *runs, .objects = *objects.store, .clock = clock});
    schedules = std::make_unique<schedules::Schedules>(schedules::Schedules::Ports{.store = *ledger.schedules,
                                                                                   .scheduler = *scheduler,
                                                                                   .runs = *runs,
                                                                                   .objects = *objects.store,
                                                                                   .clock = clock,
                                                                                   .random = random});
    if (const auto culprit = deciding->take_culprit()) SLUICE_DO(runs->set_aside(*culprit));
    SLUICE_DO(serving->load());
    facts = std::make_unique<runs::JournalFacts>(*runs);
    datasets = std::make_unique<datasets::DataSets>(datasets::DataSets::Ports{.store = *ledger.datasets,
                                                                              .objects = *objects.store,
                                                                              .models = *models.repository,
                                                                              .facts = *facts,
                                                                              .clock = clock});
    services = make_services({.objects = *objects.store,
                              .models = *models.repository,
                              .hosts = *hosts,
                              .serving = *serving,
                              .facts = *facts,
                              .changes = *ledger.changes,
                              .clock = clock,
                              .cache = data.cache()});
    executors = make_executors({.data = data,
                                .installation = installation,
                                .services = services,
                                .objects = *objects.store,
                                .environments = *environments,
                                .containers = *containers,
                                .secrets = *secrets,
                                .variables = [this](const auto& attempt) { return variables_of(attempt); },
                                .sink = *driver,
                                .clock = clock});
    driver::Driver::Executors borrowed;
    for (const auto& [kind, executor] : executors) borrowed.emplace_back(kind, executor.get());
    SLUICE_DO(driver->begin(std::move(borrowed)));
    open_storage();
    return check_paths(protocols());
  }

  /// The journal, which tells of what it is told.
  ports::Journal& told_of() {
    told_journal = std::make_unique<ToldJournal>(
        *ledger.journal,
        ToldJournal::Told{.ended =
                              [this](const ports::RunRow& run) {
                                if (end_notices) end_notices->ended(run.id);
                                task_run_follower->changed(run.id);
                                if (!run.schedule.text.empty()) scheduler->run_ended(run.schedule);
                              },
                          .used_cache = [this](const RunId& run) { task_run_follower->changed(run); }});
    return *told_journal;
  }

  void tell_ends() {
    if (!options.on_end) return;
    end_notices = std::make_unique<EndNotices>(
        EndNotices::Parts{.notice = *options.on_end,
                          .outbound = *outbound,
                          .allowed = options.remote.allowed,
                          .file = options.data.to_tell(),
                          .report_of = [this](const RunId& run) -> Result<Value> {
                            SLUICE_TRY(report, runs->report(run));
                            return runs::to_json(report);
                          }});
  }

  /// By which MLflow's client in a task logs to the task's tracked run.
  std::vector<std::string> variables_of(const ports::Attempt& attempt) {
    const std::lock_guard guard(served_mutex);
    return tracking_variables(attempt, served, *task_tokens);
  }

  void open_storage() {
    folders = storage_folders(options.data, *ledger.storage);
    std::vector<ports::DiscardableFolder*> cache;
    cache.reserve(folders.cache.size());
    for (const auto& folder : folders.cache) cache.push_back(folder.get());
    storage = std::make_unique<storage::Storage>(
        storage::Storage::Parts{.stores = {.objects = *objects.storage,
                                           .ledger = *ledger.storage,
                                           .models = *models.storage,
                                           .index = *ledger.index,
                                           .journal = *ledger.journal,
                                           .cache = std::move(cache),
                                           .logs = *folders.logs,
                                           .clock = clock},
                                .areas = folders.areas,
                                .free_bytes = [this] { return os::free_bytes(options.data.root); },
                                .quota = *quota,
                                .lower_priority = lower_priority},
        options.sweeps);
  }

  std::vector<ports::Protocol> protocols() {
    return make_protocols({.data = options.data,
                           .runs = *runs,
                           .objects = *objects.store,
                           .uploads = *objects.uploads,
                           .models = *models.repository,
                           .serving = *serving,
                           .access = *access,
                           .secrets = *secrets,
                           .fetches = *fetches,
                           .schedules = *schedules,
                           .datasets = *datasets,
                           .changes = *ledger.changes,
                           .executors = executors,
                           .storage = *storage,
                           .experiments = *experiments,
                           .tracked_tasks = *ledger.tracked_tasks,
                           .logged_models = *logged_models,
                           .artifacts = *artifacts,
                           .interface_file = interface_file,
                           .is_encrypted = options.is_encrypted,
                           .traces = *traces,
                           .task_runs = *task_runs,
                           .registry = *registry,
                           .pipelines = *pipelines,
                           .run_groups = *run_groups,
                           .clock = clock});
  }

  /// Imports the built-in models that the data folder lacks: all at its first start, new ones of a newer
  /// Sluice.
  Result<void> import_builtin_models() {
    const auto entries = os::list_directory(installation.models);
    if (!entries)
      log::warning("there are no built-in models at " + installation.models.string() +
                   ": services about pictures will not work");
    for (const auto& entry : entries.value_or(std::vector<os::DirectoryEntry>())) {
      const auto repository = installation.models / entry.name;
      if (repository.extension() != ".git") continue;
      SLUICE_DO(models.repository->import_repository("default", repository.stem().string(), repository));
    }
    return {};
  }
};

Installation find_installation() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  const auto bin = program.parent_path();
  Installation found{.uv = bin.parent_path() / "lib" / "sluice" / "uv",
                     .supervisor = bin / "sluice-supervisor",
                     .host = bin / "sluice-host",
                     .models = bin.parent_path() / "share" / "sluice" / "models"};
  if (!std::filesystem::exists(found.models, failed)) found.models = bin.parent_path() / "models";
  return found;
}

Platform::Platform(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Platform::~Platform() = default;

Result<std::unique_ptr<Platform>> Platform::open(Options options) {
  SLUICE_DO(os::make_directories(options.data.root));
  // Where that fails, as on a volume that is mounted for a group, its owner decides who reads it.
  if (const auto closed = os::set_mode(options.data.root, 0700); !closed)
    log::warning(closed.error().message + "; other users may be able to read it");
  SLUICE_DO(os::make_directories(options.data.cache()));
  SLUICE_DO(os::make_directories(options.data.work()));
  auto lock = os::FileLock::take(options.data.lock(), options.holder);
  if (!lock) {
    SLUICE_TRY(holder, os::FileLock::holder_of(options.data.lock()));
    if (!holder) return Fail(std::move(lock).error());
    return Fail(user_error(Code::failed_precondition,
                           "the data folder " + options.data.root.string() + " is in use by " + *holder +
                               "; stop that process first, or pass another folder with --data"));
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*lock));
  SLUICE_DO(impl->open());
  return std::unique_ptr<Platform>(new Platform(std::move(impl)));
}

void Platform::warm_up() {
  if (const auto taken = impl_->task_run_follower->take_up(); !taken) log::warning(taken.error().message);
  impl_->registry->begin_index();
  impl_->models.repository->warm_up();
}
void Platform::served_at(ServedAt server) {
  const std::lock_guard lock(impl_->served_mutex);
  impl_->served = std::move(server);
}
Result<void> Platform::begin_schedules() { return impl_->scheduler->begin(); }
runs::Runs& Platform::runs() { return *impl_->runs; }
const Clock& Platform::clock() const { return impl_->clock; }

const ports::Callers& Platform::callers() const { return *impl_->access; }

std::vector<ports::Protocol> Platform::protocols() { return impl_->protocols(); }

}  // namespace sluice::app
