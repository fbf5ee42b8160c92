#include "sluice/executors/process/process_executor.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "sluice/base/hidden_text.hpp"
#include "sluice/base/log.hpp"
#include "sluice/executors/process/programs.hpp"
#include "sluice/executors/process/progress_file.hpp"
#include "sluice/executors/process/results.hpp"
#include "sluice/executors/process/sandbox.hpp"
#include "sluice/executors/process/spare_folders.hpp"
#include "sluice/executors/process/supervisor_link.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

using namespace std::chrono_literals;

constexpr unsigned workers_max = 4;
constexpr auto cancel_grace = 5s;
/// An end that no run has requested for this long will not be requested: its outcome was stored by a server
/// that died afterwards.
constexpr auto unrequested_max = std::chrono::days(30);

using engine::Failure;
using engine::Outcome;

bool is_container(const ports::Attempt& attempt) {
  return attempt.work.kind == engine::TaskSpec::Kind::container;
}

}  // namespace

/// Workers prepare sandboxes and read the outputs in them; the link's thread reports ends. Under `mutex` an
/// attempt goes beginning → running → collecting → removed. The mutex is never held while the link or the
/// sink is called.
struct ProcessExecutor::Impl {
  struct ActiveAttempt {
    ports::Attempt attempt;
    enum class Stage { beginning, running, collecting } stage = Stage::beginning;
    std::shared_ptr<const ports::Environments::Made> environment =
        {};               ///< null: none is required, or not yet
    int reports_due = 1;  ///< how often the outcome must be reported: once for each `start`
    bool cancel_asked = false;
  };

  /// By which environments that were made find this object, or not any more.
  struct Listener {
    std::mutex mutex;
    Impl* executor = nullptr;
  };

  const std::filesystem::path data;
  ports::ObjectStore& objects;
  const Given given;
  ports::OutcomeSink& sink;
  const Clock& clock;
  ProgramDigests digests;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;
  bool closing = false;
  bool mounts = true;                                       ///< until they are refused
  std::unordered_map<std::string, ActiveAttempt> active;    ///< by fence
  std::unordered_map<std::string, supervisor::Ended> ends;  ///< reported, and not acknowledged; by fence
  std::unordered_set<std::string> requested;                ///< fences of `start` that are not acknowledged
  std::vector<std::string> to_forget;  ///< acknowledged; removed by the next `forget_acknowledged`
  std::once_flag sweeping;
  SpareFolders spares;
  std::shared_ptr<Listener> listener = std::make_shared<Listener>();
  std::vector<std::thread> threads;
  SupervisorLink link;  // last: its thread calls the members above

  Impl(std::filesystem::path d, ports::ObjectStore& o, ports::OutcomeSink& s, const Clock& c,
       std::filesystem::path supervisor, Given g)
      : data(std::move(d)),
        objects(o),
        given(std::move(g)),
        sink(s),
        clock(c),
        spares(data / "work"),
        link(data, std::move(supervisor),
             {.ended = [this](const supervisor::Ended& ended) { on_ended(ended); },
              .mounts_refused =
                  [this](const supervisor::MountsRefused& refused) { on_mounts_refused(refused); },
              .lost = [this](const std::string& fence, const std::string& why) { on_lost(fence, why); }}) {
    listener->executor = this;
    const auto count = std::clamp(std::thread::hardware_concurrency(), 2U, workers_max);
    for (unsigned i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(listener->mutex);
      listener->executor = nullptr;
    }
    {
      const std::lock_guard lock(mutex);
      closing = true;
    }
    wake.notify_all();
    link.close();  // a worker may be waiting for a response
    for (auto& thread : threads) thread.join();
  }

  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return closing || !jobs.empty(); });
        if (closing) return;
        job = std::move(jobs.front());
        jobs.pop_front();
      }
      job();
    }
  }

  /// With the mutex held.
  void enqueue(std::function<void()> job) {
    jobs.push_back(std::move(job));
    wake.notify_one();
  }
  void collect_later(ActiveAttempt& entry, const supervisor::Ended& ended) {
    entry.stage = ActiveAttempt::Stage::collecting;
    enqueue([this, attempt = entry.attempt, ended] { collect(attempt, ended); });
  }

  // On a worker; the ends of light attempts also on the link's thread.

  /// Reattaches an attempt that the supervisor knows, or prepares a sandbox and requests the start.
  void begin(const std::string& fence) {
    sweep_once();
    const auto runs = link.runs(fence);
    if (!runs) return finish(fence, failed("start", runs.error().message));
    ports::Attempt attempt;
    bool may_mount = false;
    std::shared_ptr<const ports::Environments::Made> environment;
    {
      const std::lock_guard lock(mutex);
      auto& entry = active.at(fence);
      if (const auto ended = ends.find(fence); ended != ends.end())
        return collect_later(entry, ended->second);
      if (*runs) {
        entry.stage = ActiveAttempt::Stage::running;
        if (entry.cancel_asked) enqueue([this, fence] { link.cancel(fence, cancel_grace); });
        return;
      }
      attempt = entry.attempt;
      may_mount = mounts;
      environment = entry.environment;
    }
    if (attempt.work.environment && !environment) return begin_in(*attempt.work.environment, fence);
    // An earlier attempt may have been lost with its supervisor, and its container with nobody.
    if (is_container(attempt) && attempt.number > 1 && given.containers != nullptr)
      if (const auto removed = given.containers->remove_all(container_task(attempt)); !removed)
        return finish(fence,
                      failed("container", "an earlier attempt may still run: " + removed.error().message));
    auto start = prepare_sandbox(
        attempt, places_of(data, attempt), objects, spares,
        {.mounts = may_mount,
         .environment = environment ? environment->folder() : std::filesystem::path(),
         .secrets = given.secrets,
         .containers = given.containers,
         .variables = given.variables ? given.variables(attempt) : std::vector<std::string>()});
    if (!start) return finish(fence, failed(std::move(start).error()));
    {
      const std::lock_guard lock(mutex);
      auto& entry = active.at(fence);
      // From now on, `cancel` is sent to the supervisor.
      entry.stage = ActiveAttempt::Stage::running;
      if (entry.cancel_asked) start = std::unexpected(Failure{});
    }
    if (!start) return finish(fence, cancelled_before_start());
    if (auto sent = link.start(std::move(*start)); !sent)
      return finish(fence, failed("start", sent.error().message));
  }

  /// Begins once the environment is there.
  void begin_in(const engine::PythonEnvironment& required, const std::string& fence) {
    if (given.environments == nullptr)
      return finish(fence, failed("environment", "Python environments are not supported here"));
    given.environments->make(required, [listener = listener, fence](auto made) {
      const std::lock_guard listening(listener->mutex);
      if (auto* executor = listener->executor) executor->on_made(fence, std::move(made));
    });
  }

  void on_made(const std::string& fence, Result<std::shared_ptr<const ports::Environments::Made>> made) {
    const std::lock_guard lock(mutex);
    const auto entry = active.find(fence);
    if (entry == active.end()) return;
    if (made) {
      entry->second.environment = std::move(*made);
      return enqueue([this, fence] { begin(fence); });
    }
    enqueue([this, fence, why = made.error().message] { finish(fence, failed("environment", why)); });
  }

  void collect(const ports::Attempt& attempt, const supervisor::Ended& ended) {
    const auto places = places_of(data, attempt);
    auto outcome = outcome_of(attempt, places, ended, objects, given.containers);
    const bool ended_by_itself =
        ended.kind == supervisor::EndKind::exited && ended.status == 0 && !ended.cancelled;
    if (!ended_by_itself) remove_container(attempt, outcome);
    say_if_environment_is_gone(attempt, outcome);
    hide_secrets(attempt, outcome.failure);
    release_log(places);
    if (auto environment = environment_of(attempt.work, digests, given.secrets))
      outcome.environment = std::move(*environment);
    finish(attempt.fence.text, std::move(outcome));
  }

  /// What a task says then, such as that a module is missing, would mislead.
  void say_if_environment_is_gone(const ports::Attempt& attempt, Outcome& outcome) {
    if (outcome.status != Outcome::Status::failed) return;
    std::shared_ptr<const ports::Environments::Made> environment;
    {
      const std::lock_guard lock(mutex);
      if (const auto entry = active.find(attempt.fence.text); entry != active.end())
        environment = entry->second.environment;
    }
    if (!environment || os::exists(environment->folder())) return;
    outcome.failure = {.kind = "environment",
                       .message = "its Python environment was removed from the cache by hand while it ran (" +
                                  outcome.failure.message +
                                  "); run it again, which makes the environment anew",
                       .payload = std::move(outcome.failure.payload)};
  }

  /// Before the outcome of a container is reported, which may start another attempt: nothing of it runs.
  void remove_container(const ports::Attempt& attempt, Outcome& outcome) const {
    if (!is_container(attempt) || given.containers == nullptr) return;
    const auto removed = given.containers->remove(attempt.fence.text);
    if (removed) return;
    const auto how = outcome.failure.message.empty() ? std::string() : " (" + outcome.failure.message + ")";
    outcome.status = Outcome::Status::failed;
    outcome.failure = {.kind = "container",
                       .message = "it ended" + how + ", and may still run: " + removed.error().message,
                       .payload = {}};
  }

  /// The end of a log is stored with the outcome.
  void hide_secrets(const ports::Attempt& attempt, Failure& failure) const {
    if (given.secrets == nullptr || failure.kind.empty() || !uses_secrets(attempt.work)) return;
    const auto values = given.secrets->values(attempt.principal.workspace);
    if (!values) {
      failure.message = "its last line is not shown: " + values.error().message;
      failure.payload = {};
      return;
    }
    failure.message = hide(failure.message, *values);
    const auto* log = failure.payload.find("log");
    if (log == nullptr || !log->is_string()) return;
    Struct payload;
    payload.append("log", hide(*log->if_string(), *values));
    failure.payload = std::move(payload);
  }

  void finish(const std::string& fence, Outcome outcome) {
    int reports_due = 0;
    {
      const std::lock_guard lock(mutex);
      const auto entry = active.find(fence);
      // A server that is closing leaves the attempt open in the journal: the next one reattaches it.
      if (entry == active.end() || closing) return;
      reports_due = entry->second.reports_due;
      active.erase(entry);
      // The supervisor does not keep this end: the fence may be started again.
      if (const auto ended = ends.find(fence); ended != ends.end() && ended->second.number == 0)
        ends.erase(ended);
    }
    for (; reports_due > 1; --reports_due) sink.ended({fence}, outcome);
    sink.ended({fence}, std::move(outcome));
  }

  [[nodiscard]] Outcome failed(Failure failure) const {
    Outcome outcome{.status = Outcome::Status::failed};
    outcome.failure = std::move(failure);
    outcome.usage.started = outcome.usage.ended = clock.now();
    return outcome;
  }
  [[nodiscard]] Outcome failed(std::string kind, std::string message) const {
    return failed({.kind = std::move(kind), .message = std::move(message), .payload = {}});
  }
  [[nodiscard]] Outcome cancelled_before_start() const {
    auto outcome = failed("cancelled", "cancelled before it started");
    outcome.status = Outcome::Status::cancelled;
    return outcome;
  }

  void forget_acknowledged() {
    std::vector<std::string> fences;
    {
      const std::lock_guard lock(mutex);
      fences = std::exchange(to_forget, {});
    }
    // Acknowledged first: a folder of no known attempt is removed by the next server, but an end that is
    // never acknowledged would stay in the supervisor's log.
    link.acknowledge(fences);
    for (const auto& fence : fences) {
      const auto root = root_of(data, fence);
      if (spares.keep(root)) continue;
      if (auto removed = os::remove_tree(root); !removed) log::warning(removed.error().message);
    }
  }

  /// Removes the folders of attempts that are no longer known: their server died between storing the outcome
  /// and `acknowledge`, or while it prepared them. Runs before any sandbox is prepared here.
  void sweep() {
    const auto running = link.running();
    if (!running) return;  // the next caller of the link gets the error
    std::unordered_set<std::string> known;
    for (const auto& fence : *running) known.insert(root_of(data, fence).filename());
    {
      const std::lock_guard lock(mutex);
      const auto oldest = (clock.now() - unrequested_max).time_since_epoch().count();
      for (const auto& [fence, ended] : ends) {
        known.insert(root_of(data, fence).filename());
        if (ended.ended_ms < oldest && !active.contains(fence)) to_forget.push_back(fence);
      }
      for (const auto& fence : to_forget) ends.erase(fence);
      if (!to_forget.empty()) enqueue([this] { forget_acknowledged(); });
    }
    const auto entries = os::list_directory(data / "work");
    if (!entries) return;  // no sandbox was ever prepared
    for (const auto& entry : *entries)
      if ((entry.name.starts_with(root_prefix) && !known.contains(entry.name)) ||
          entry.name.starts_with(SpareFolders::prefix))
        if (auto removed = os::remove_tree(data / "work" / entry.name); !removed)
          log::warning(removed.error().message);
  }

  void sweep_once() {
    std::call_once(sweeping, [this] { sweep(); });
  }

  [[nodiscard]] bool has_sandboxes() const {
    const auto entries = os::list_directory(data / "work");
    return entries && std::ranges::any_of(
                          *entries, [](const auto& entry) { return entry.name.starts_with(root_prefix); });
  }

  /// Once every run has started its attempts again: forgets the ends that none of them requested.
  void forget_unrequested() {
    if (!has_sandboxes()) return;  // no supervisor is started just to learn that
    sweep_once();
    const std::lock_guard lock(mutex);
    for (const auto& [fence, ended] : ends)
      if (!requested.contains(fence)) to_forget.push_back(fence);
    for (const auto& fence : to_forget) ends.erase(fence);
    if (!to_forget.empty()) enqueue([this] { forget_acknowledged(); });
  }

  // On the link's thread.

  void on_ended(const supervisor::Ended& ended) {
    ports::Attempt attempt;
    {
      const std::lock_guard lock(mutex);
      ends.insert_or_assign(ended.fence, ended);
      const auto entry = active.find(ended.fence);
      // If it is just beginning, `begin` will check; if it is already being collected, this is a repetition.
      if (entry == active.end() || entry->second.stage != ActiveAttempt::Stage::running) return;
      if (!is_light(entry->second.attempt.work)) return collect_later(entry->second, ended);
      entry->second.stage = ActiveAttempt::Stage::collecting;
      attempt = entry->second.attempt;
    }
    collect(attempt, ended);
  }

  void on_mounts_refused(const supervisor::MountsRefused& refused) {
    const std::lock_guard lock(mutex);
    if (std::exchange(mounts, false))
      log::info("read-only mounts are not permitted on this machine; inputs are copied");
    const auto entry = active.find(refused.fence);
    if (entry == active.end() || entry->second.stage != ActiveAttempt::Stage::running) return;
    entry->second.stage = ActiveAttempt::Stage::beginning;
    enqueue([this, fence = refused.fence] { begin(fence); });
  }

  void on_lost(const std::string& fence, const std::string& why) {
    const std::lock_guard lock(mutex);
    const auto entry = active.find(fence);
    if (entry == active.end() || entry->second.stage == ActiveAttempt::Stage::collecting) return;
    if (entry->second.stage == ActiveAttempt::Stage::beginning) {  // being reattached: `begin` will check
      const auto now = clock.now().time_since_epoch().count();
      ends.insert_or_assign(
          fence, supervisor::Ended{
                     .fence = fence, .kind = supervisor::EndKind::lost, .started_ms = now, .ended_ms = now});
      return;
    }
    entry->second.stage = ActiveAttempt::Stage::collecting;
    auto outcome = failed("lost", why);
    outcome.status = Outcome::Status::lost;
    enqueue([this, attempt = entry->second.attempt, outcome]() mutable {
      remove_container(attempt, outcome);
      finish(attempt.fence.text, std::move(outcome));
    });
  }
};

ProcessExecutor::ProcessExecutor(const std::filesystem::path& data, ports::ObjectStore& objects,
                                 ports::OutcomeSink& sink, const Clock& clock,
                                 std::filesystem::path supervisor, Given given)
    : impl_(std::make_unique<Impl>(data, objects, sink, clock, std::move(supervisor), std::move(given))) {}

ProcessExecutor::~ProcessExecutor() = default;

Result<Value> ProcessExecutor::environment(const engine::TaskSpec& work) {
  return environment_of(work, impl_->digests, impl_->given.secrets);
}

void ProcessExecutor::start(const ports::Attempt& attempt) {
  const auto& fence = attempt.fence.text;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->requested.insert(fence);
    const auto [entry, fresh] = impl_->active.try_emplace(fence, Impl::ActiveAttempt{.attempt = attempt});
    if (!fresh) {
      ++entry->second.reports_due;
      return;
    }
    if (attempt.work.hermetic) {
      impl_->enqueue([impl = impl_.get(), fence] {
        impl->finish(fence, impl->failed("start",
                                         "`hermetic: true` is not supported for process tasks: they see this "
                                         "machine's files and network; leave it out"));
      });
      return;
    }
    impl_->enqueue([impl = impl_.get(), fence] { impl->begin(fence); });
  }
}

void ProcessExecutor::cancel(const Fence& fence) {
  const std::lock_guard lock(impl_->mutex);
  const auto entry = impl_->active.find(fence.text);
  if (entry == impl_->active.end()) return;
  entry->second.cancel_asked = true;
  // An attempt that is beginning checks the flag before it is started.
  if (entry->second.stage == Impl::ActiveAttempt::Stage::running)
    impl_->enqueue([impl = impl_.get(), text = fence.text] { impl->link.cancel(text, cancel_grace); });
}

void ProcessExecutor::acknowledge(const Fence& fence) {
  const std::lock_guard lock(impl_->mutex);
  impl_->ends.erase(fence.text);
  impl_->requested.erase(fence.text);
  impl_->to_forget.push_back(fence.text);
  if (impl_->to_forget.size() == 1) impl_->enqueue([impl = impl_.get()] { impl->forget_acknowledged(); });
}

void ProcessExecutor::all_reattached() {
  const std::lock_guard lock(impl_->mutex);
  impl_->enqueue([impl = impl_.get()] { impl->forget_unrequested(); });
}

std::optional<ports::Progress> ProcessExecutor::progress(const Fence& fence) const {
  return read_progress(progress_path(root_of(impl_->data, fence.text)));
}

std::filesystem::path ProcessExecutor::log_of(const RunId& run, const std::string& path, int number) const {
  return log_path(impl_->data, run, path, number);
}

}  // namespace sluice::executors
