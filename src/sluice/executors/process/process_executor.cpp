#include "sluice/executors/process/process_executor.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>
#include <sys/stat.h>

#include "sluice/executors/process/results.hpp"
#include "sluice/executors/process/supervisor_link.hpp"
#include "sluice/executors/process/world.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t worker_threads = 3;
constexpr auto cancel_grace = 5s;

/// Digests of executables, remembered as long as the file looks untouched.
class ExecutableDigests {
 public:
  Result<Digest> of(const std::filesystem::path& program) {
    struct stat now{};
    if (::stat(program.c_str(), &now) != 0) return Fail(system_error("look at " + program.string(), errno));
    const Stamp stamp{.device = now.st_dev,
                      .inode = now.st_ino,
                      .size = now.st_size,
                      .changed_s = now.st_ctim.tv_sec,
                      .changed_ns = now.st_ctim.tv_nsec,
                      .modified_s = now.st_mtim.tv_sec,
                      .modified_ns = now.st_mtim.tv_nsec};
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = known_.find(program.string());
          known != known_.end() && known->second.first == stamp)
        return known->second.second;
    }
    constexpr std::size_t executable_bytes_max = std::size_t{1} << 30;
    SLUICE_TRY(bytes, os::read_file(program, executable_bytes_max));
    const auto digest = Digest::of(bytes);
    const std::lock_guard lock(mutex_);
    known_[program.string()] = {stamp, digest};
    return digest;
  }

 private:
  struct Stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    std::int64_t changed_s;
    std::int64_t changed_ns;
    std::int64_t modified_s;
    std::int64_t modified_ns;
    bool operator==(const Stamp&) const = default;
  };
  std::mutex mutex_;
  std::map<std::string, std::pair<Stamp, Digest>> known_;
};

Value environment_value(const std::filesystem::path& program, const Digest& digest) {
  Struct s;
  s.set("pinned", false);
  s.set("executable", program.string());
  s.set("digest", digest.hex());
  return s;
}

}  // namespace

struct ProcessExecutor::Impl {
  Impl(std::filesystem::path d, ports::ObjectStore& o, ports::OutcomeSink& s, const Clock& c,
       std::filesystem::path supervisor)
      : data(std::move(d)),
        objects(o),
        sink(s),
        clock(c),
        link(data, std::move(supervisor),
             {.ended = [this](const supervisor::Ended& ended) { on_ended(ended); },
              .mounts_refused =
                  [this](const supervisor::MountsRefused& refused) { on_mounts_refused(refused); }}) {}

  std::filesystem::path data;
  ports::ObjectStore& objects;
  ports::OutcomeSink& sink;
  const Clock& clock;
  ExecutableDigests digests;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;
  bool closing = false;
  std::unordered_map<std::string, ports::Attempt> live;  ///< by fence
  std::unordered_map<std::string, supervisor::Ended>
      unclaimed;       ///< ended, and nobody here has asked for it yet
  bool mounts = true;  ///< until the supervisor says that they are refused
  std::vector<std::thread> threads;
  SupervisorLink link;  ///< last: its thread calls the functions above

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

  void enqueue(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex);
      jobs.push_back(std::move(job));
    }
    wake.notify_one();
  }

  /// On a worker: what the supervisor knows of the fence decides whether it is taken up or begun.
  void begin(const ports::Attempt& attempt) {
    const auto held = link.holds(attempt.fence.text);
    if (!held) return give_up(attempt, held.error());
    {
      std::unique_lock lock(mutex);
      if (const auto ended = unclaimed.find(attempt.fence.text); ended != unclaimed.end()) {
        const auto how = ended->second;
        unclaimed.erase(ended);
        lock.unlock();
        return collect(attempt, how);
      }
    }
    if (*held) return;  // its end will be told
    auto start = lay_out(attempt, places(attempt), objects, mounts);
    if (!start) return give_up(attempt, start.error());
    if (auto sent = link.start(std::move(*start)); !sent) give_up(attempt, sent.error());
  }

  [[nodiscard]] Places places(const ports::Attempt& attempt) const {
    return places_of(data, attempt.run, attempt.path, attempt.number);
  }

  void give_up(const ports::Attempt& attempt, const Error& error) {
    engine::Outcome outcome{.status = engine::Outcome::Status::failed};
    outcome.failure = {.kind = "start", .message = error.message};
    outcome.usage = {.started = clock.now(), .ended = clock.now()};
    finish(attempt, std::move(outcome));
  }

  void collect(const ports::Attempt& attempt, const supervisor::Ended& ended) {
    auto outcome = outcome_of(attempt, places(attempt), ended, objects);
    if (auto resolved = environment(attempt.work)) outcome.environment = std::move(*resolved);
    finish(attempt, std::move(outcome));
  }

  void finish(const ports::Attempt& attempt, engine::Outcome outcome) {
    const auto fence = attempt.fence;
    const auto root = places(attempt).root;
    {
      const std::lock_guard lock(mutex);
      live.erase(fence.text);
    }
    // Its outputs are in the store; the folder is not needed for another try either.
    static_cast<void>(os::remove_tree(root));
    std::error_code not_empty;
    std::filesystem::remove(root.parent_path(), not_empty);
    std::filesystem::remove(root.parent_path().parent_path(), not_empty);
    sink.ended(fence, std::move(outcome));
  }

  // The link's thread.
  void on_ended(const supervisor::Ended& ended) {
    std::unique_lock lock(mutex);
    const auto attempt = live.find(ended.fence);
    if (attempt == live.end()) {
      unclaimed.insert_or_assign(ended.fence, ended);
      return;
    }
    auto job = [this, copy = attempt->second, ended] { collect(copy, ended); };
    lock.unlock();
    enqueue(std::move(job));
  }

  void on_mounts_refused(const supervisor::MountsRefused& refused) {
    std::unique_lock lock(mutex);
    mounts = false;
    const auto attempt = live.find(refused.fence);
    if (attempt == live.end()) return;
    auto job = [this, copy = attempt->second] { begin(copy); };
    lock.unlock();
    enqueue(std::move(job));
  }

  Result<Value> environment(const engine::Work& work) {
    const auto* name = work.argv.empty() ? nullptr : work.argv.front().if_string();
    if (!name)
      return Fail(user_error(Code::invalid_argument, "the program is known only when the task starts"));
    // A program below `code:` is covered by the digest of the code.
    if (work.code && name->find('/') != std::string::npos && !name->starts_with('/')) return Value("code");
    const auto program = resolve_program(*name, "/");
    if (!program) return Fail(user_error(Code::not_found, "there is no program `" + *name + "`"));
    SLUICE_TRY(digest, digests.of(*program));
    return environment_value(*program, digest);
  }
};

ProcessExecutor::ProcessExecutor(const std::filesystem::path& data, ports::ObjectStore& objects,
                                 ports::OutcomeSink& sink, const Clock& clock,
                                 std::filesystem::path supervisor)
    : impl_(std::make_unique<Impl>(data, objects, sink, clock, std::move(supervisor))) {
  for (std::size_t i = 0; i < worker_threads; ++i) impl_->threads.emplace_back([this] { impl_->work(); });
}

ProcessExecutor::~ProcessExecutor() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

Result<Value> ProcessExecutor::environment(const engine::Work& work) { return impl_->environment(work); }

void ProcessExecutor::start(const ports::Attempt& attempt) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->live.emplace(attempt.fence.text, attempt).second) return;
  }
  if (attempt.work.hermetic) {
    const auto error =
        user_error(Code::invalid_argument, "`hermetic: true` is not supported by this version; leave it out");
    impl_->enqueue([this, attempt, error] { impl_->give_up(attempt, error); });
    return;
  }
  impl_->enqueue([this, attempt] { impl_->begin(attempt); });
}

void ProcessExecutor::cancel(const Fence& fence) { impl_->link.cancel(fence.text, cancel_grace); }

void ProcessExecutor::settled(const Fence& fence) { impl_->link.acknowledge(fence.text); }

std::filesystem::path ProcessExecutor::log_of(const RunId& run, const std::string& path, int number) const {
  return places_of(impl_->data, run, path, number).log;
}

}  // namespace sluice::executors
