#include "sluice/domain/serving/hosts.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "sluice/domain/serving/head_files.hpp"

namespace sluice::serving {

/// A host process and the models that it has loaded. Guarded by Hosts::Impl::mutex.
struct HostEntry {
  struct Waiter {
    std::optional<Artifact> head;
    LeaseDone done;
  };
  struct Head {
    bool loaded = false;
    std::vector<LeaseDone> waiters;
    std::size_t leases = 0;
    std::chrono::nanoseconds last_used{};
  };
  enum class State { starting, ready, gone } state = State::starting;
  Artifact base;
  std::shared_ptr<ports::ModelHost> host;  ///< null until it is spawned, and after it is released
  std::vector<Waiter> waiters;             ///< callers that wait for the base to be loaded
  std::map<Digest, Head> heads;
  std::size_t leases = 0;                ///< including calls that are being passed to the host
  std::chrono::nanoseconds last_used{};  ///< when the last lease ended

  [[nodiscard]] bool is_loading() const {
    return state == State::starting ||
           std::ranges::any_of(heads, [](const auto& head) { return !head.second.loaded; });
  }
};

namespace {

using Ready = std::vector<std::pair<LeaseDone, Result<HostLease>>>;

/// Call without the lock: the callbacks may call back into this class.
void complete(Ready& ready) {
  for (auto& [done, lease] : ready) done(std::move(lease));
}

Error stopping() { return environment_error(Code::cancelled, "the server is stopping"); }

}  // namespace

struct Hosts::Impl {
  Impl(Hosts& o, ports::ModelRuntime& r, ports::ObjectStore& s, const Clock& c, Options given)
      : owner(o), runtime(r), objects(s), clock(c), options(std::move(given)) {}

  Hosts& owner;
  ports::ModelRuntime& runtime;
  ports::ObjectStore& objects;
  const Clock& clock;
  const Options options;

  mutable std::mutex mutex;
  std::condition_variable_any changed;
  bool closing = false;
  std::atomic<std::uint64_t> hosts_started = 0;
  std::list<std::unique_ptr<HostEntry>> entries;            ///< at most one per base that is not gone
  std::deque<std::move_only_function<void()>> jobs;         ///< for the worker: work that may block
  std::vector<std::shared_ptr<ports::ModelHost>> released;  ///< to be destroyed by the worker
  std::jthread worker;                                      ///< starts hosts, materializes files, stops hosts

  HostEntry* live(const Digest& base) {
    for (auto& entry : entries) {
      if (entry->state == HostEntry::State::gone || *entry->base.digest != base) continue;
      if (entry->state == HostEntry::State::ready && entry->host->died()) {
        entry->state = HostEntry::State::gone;
        continue;
      }
      return entry.get();
    }
    return nullptr;
  }

  HostLease grant(HostEntry& entry, const std::optional<Digest>& head) {
    ++entry.leases;
    if (head) ++entry.heads.at(*head).leases;
    return HostLease(owner, entry, head);
  }

  void acquire(HostNeed need, LeaseDone done) {
    Ready ready;
    {
      const std::lock_guard lock(mutex);
      if (closing) {
        ready.emplace_back(std::move(done), Fail(stopping()));
      } else if (auto* entry = live(*need.base.digest); !entry) {
        auto& made = *entries.emplace_back(std::make_unique<HostEntry>());
        made.base = std::move(need.base);
        made.waiters.push_back({.head = std::move(need.head), .done = std::move(done)});
        enqueue([this, &made] { start(made); });
      } else if (entry->state == HostEntry::State::starting) {
        entry->waiters.push_back({.head = std::move(need.head), .done = std::move(done)});
      } else {
        acquire_head(*entry, std::move(need.head), std::move(done), ready);
      }
    }
    complete(ready);
  }

  /// Loads the head if need be and grants a lease. The entry is ready. Called under the lock.
  void acquire_head(HostEntry& entry, std::optional<Artifact> head, LeaseDone done, Ready& ready) {
    if (!head) {
      ready.emplace_back(std::move(done), grant(entry, {}));
      return;
    }
    const Digest digest = *head->digest;
    const auto [entry_head, is_new] = entry.heads.try_emplace(digest);
    if (entry_head->second.loaded) {
      ready.emplace_back(std::move(done), grant(entry, digest));
      return;
    }
    entry_head->second.waiters.push_back(std::move(done));
    if (is_new)
      enqueue(
          [this, &entry, artifact = std::move(*head)]() mutable { load_head(entry, std::move(artifact)); });
  }

  void enqueue(std::move_only_function<void()> job) {
    jobs.push_back(std::move(job));
    changed.notify_all();
  }

  /// A host that can see the files of this base and nothing else. Any thread.
  Result<std::shared_ptr<ports::ModelHost>> start_host(const Artifact& base) {
    SLUICE_TRY(files, objects.materialize(base));
    const ports::HostFolders folders{
        .base = std::move(files),
        .compiled = options.cache / "compiled" / (base.digest->hex() + "-" + std::string(runtime.name())),
        .scratch = scratch() / std::to_string(++hosts_started)};
    for (const auto& folder : {folders.compiled, folders.scratch}) {
      std::error_code error;
      std::filesystem::create_directories(folder, error);
      if (error) return Fail(system_error("make " + folder.string(), error.value()));
    }
    return runtime.start_host(folders);
  }
  [[nodiscard]] std::filesystem::path scratch() const { return options.cache / "hosts"; }

  /// On the worker thread.
  void start(HostEntry& entry) {
    auto host = start_host(entry.base);
    if (!host) return base_loaded(entry, Fail(std::move(host).error()));
    {
      const std::lock_guard lock(mutex);
      entry.host = *host;
    }
    Struct params;
    params.set("base", entry.base.digest->hex());
    (*host)->call("load_base", std::move(params), {}, [this, &entry](Result<ports::HostResponse> reply) {
      base_loaded(entry, reply ? Result<void>() : Fail(std::move(reply).error()));
    });
  }

  /// On the worker thread or the host's thread.
  void base_loaded(HostEntry& entry, Result<void> loaded) {
    Ready ready;
    {
      const std::lock_guard lock(mutex);
      auto waiters = std::exchange(entry.waiters, {});
      if (loaded && closing) loaded = Fail(stopping());
      entry.state = loaded ? HostEntry::State::ready : HostEntry::State::gone;
      entry.last_used = clock.steady();
      for (auto& waiter : waiters) {
        if (loaded)
          acquire_head(entry, std::move(waiter.head), std::move(waiter.done), ready);
        else
          ready.emplace_back(std::move(waiter.done), Fail(loaded.error()));
      }
      changed.notify_all();
    }
    complete(ready);
  }

  /// On the worker thread.
  void load_head(HostEntry& entry, Artifact head) {
    std::shared_ptr<ports::ModelHost> host;
    std::vector<Digest> evicted;
    {
      const std::lock_guard lock(mutex);
      host = entry.host;
      if (entry.heads.size() > options.heads_max) evicted = evict_oldest_head(entry);
    }
    const Digest digest = *head.digest;
    auto files = read_head(objects, head);
    if (!host || !files) return head_loaded(entry, digest, Fail(files ? stopping() : files.error()));
    for (const auto& other : evicted) {
      Struct params;
      params.set("head", other.hex());
      host->call("unload_head", std::move(params), {}, [](Result<ports::HostResponse>) {});
    }
    host->call("load_head", load_params(digest, *entry.base.digest, *files), payload_of(*files),
               [this, &entry, digest](Result<ports::HostResponse> reply) {
                 head_loaded(entry, digest, reply ? Result<void>() : Fail(std::move(reply).error()));
               });
  }

  /// Evicts the least recently used head without leases, if any; returns its digest. Under the lock.
  std::vector<Digest> evict_oldest_head(HostEntry& entry) {
    auto oldest = entry.heads.end();
    for (auto head = entry.heads.begin(); head != entry.heads.end(); ++head) {
      if (!head->second.loaded || head->second.leases > 0) continue;
      if (oldest == entry.heads.end() || head->second.last_used < oldest->second.last_used) oldest = head;
    }
    if (oldest == entry.heads.end()) return {};
    const Digest digest = oldest->first;
    entry.heads.erase(oldest);
    return {digest};
  }

  /// On the worker thread or the host's thread.
  void head_loaded(HostEntry& entry, const Digest& digest, Result<void> loaded) {
    Ready ready;
    {
      const std::lock_guard lock(mutex);
      const auto found = entry.heads.find(digest);
      if (found == entry.heads.end()) return;
      if (loaded && closing) loaded = Fail(stopping());
      auto waiters = std::exchange(found->second.waiters, {});
      found->second.loaded = loaded.has_value();
      found->second.last_used = entry.last_used = clock.steady();
      for (auto& done : waiters) {
        if (loaded)
          ready.emplace_back(std::move(done), grant(entry, digest));
        else
          ready.emplace_back(std::move(done), Fail(loaded.error()));
      }
      if (!loaded) entry.heads.erase(found);
      changed.notify_all();
    }
    complete(ready);
  }

  void call(HostEntry& entry, std::string method, Value params, std::string payload, ports::HostDone done,
            ports::ReportProgress report) {
    std::shared_ptr<ports::ModelHost> host;
    {
      const std::lock_guard lock(mutex);
      host = entry.host;
      ++entry.leases;  // `done` may end the caller's lease before the call below returns
    }
    if (host)
      host->call(std::move(method), std::move(params), std::move(payload), std::move(done),
                 std::move(report));
    else
      done(Fail(stopping()));
    const std::lock_guard lock(mutex);
    if (closing) released.push_back(std::move(host));
    host.reset();  // never the last owner: the entry or the line above holds another reference
    return_lease(entry, {});
  }

  /// Under the lock.
  void return_lease(HostEntry& entry, const std::optional<Digest>& head) {
    --entry.leases;
    entry.last_used = clock.steady();
    if (head) {
      auto& leased = entry.heads.at(*head);
      --leased.leases;
      leased.last_used = entry.last_used;
    }
    if (entry.leases == 0 && (closing || entry.state == HostEntry::State::gone)) changed.notify_all();
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      if (!jobs.empty()) {
        auto job = std::move(jobs.front());
        jobs.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
        continue;
      }
      const auto pause = sweep();
      if (auto ending = std::exchange(released, {}); !ending.empty()) {
        lock.unlock();
        ending.clear();
        lock.lock();
        continue;
      }
      const auto has_work = [this] { return !jobs.empty() || std::ranges::any_of(entries, is_finished); };
      if (pause)
        changed.wait_for(lock, stop, *pause, has_work);
      else
        changed.wait(lock, stop, [&] { return has_work() || !entries.empty(); });
    }
  }

  static bool is_finished(const std::unique_ptr<HostEntry>& entry) {
    return entry->state == HostEntry::State::gone && entry->leases == 0 && !entry->is_loading();
  }

  /// Releases hosts that died or that were idle for too long; returns how long to wait before the next sweep,
  /// nullopt if there is nothing to wait for. Under the lock.
  std::optional<std::chrono::nanoseconds> sweep() {
    std::optional<std::chrono::nanoseconds> pause;
    const auto now = clock.steady();
    for (auto entry = entries.begin(); entry != entries.end();) {
      auto& it = **entry;
      std::chrono::nanoseconds left = options.idle;
      if (it.state == HostEntry::State::ready && it.leases == 0 && !it.is_loading()) {
        left = it.last_used + options.idle - now;
        if (it.host->died() || left <= std::chrono::nanoseconds::zero()) it.state = HostEntry::State::gone;
      }
      if (is_finished(*entry)) {
        if (it.host) released.push_back(std::move(it.host));
        entry = entries.erase(entry);
        continue;
      }
      pause = pause ? std::min(*pause, left) : left;
      ++entry;
    }
    return pause;
  }

  void close() {
    Ready ready;
    {
      const std::lock_guard lock(mutex);
      closing = true;
      for (auto& entry : entries) {
        for (auto& waiter : std::exchange(entry->waiters, {}))
          ready.emplace_back(std::move(waiter.done), Fail(stopping()));
        for (auto& [digest, head] : entry->heads)
          for (auto& done : std::exchange(head.waiters, {}))
            ready.emplace_back(std::move(done), Fail(stopping()));
      }
    }
    complete(ready);
    worker.request_stop();
    worker.join();
    std::unique_lock lock(mutex);
    jobs.clear();
    for (auto& entry : entries)
      if (entry->host) released.push_back(std::move(entry->host));
    // Stopping the hosts fails their open calls, which returns the leases.
    const auto all_returned = [this] {
      return std::ranges::all_of(entries, [](const auto& entry) { return entry->leases == 0; });
    };
    for (;;) {
      auto ending = std::exchange(released, {});
      lock.unlock();
      ending.clear();
      lock.lock();
      if (all_returned() && released.empty()) return;
      changed.wait(lock, [&] { return all_returned() || !released.empty(); });
    }
  }
};

Hosts::Hosts(ports::ModelRuntime& runtime, ports::ObjectStore& objects, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(*this, runtime, objects, clock, std::move(options))) {
  std::error_code kept;  // of hosts that ended with an earlier server
  std::filesystem::remove_all(impl_->scratch(), kept);
  impl_->worker = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->work(stop); });
}

Hosts::~Hosts() { impl_->close(); }

void Hosts::acquire(HostNeed need, LeaseDone done) {
  if (!need.base.digest || (need.head && !need.head->digest))
    return done(Fail(internal_error(Code::internal, "a model without a digest cannot be loaded")));
  impl_->acquire(std::move(need), std::move(done));
}

Result<std::shared_ptr<ports::ModelHost>> Hosts::start_apart(const Artifact& base) {
  return impl_->start_host(base);
}
Result<std::pair<Value, std::string>> Hosts::load_request(const HostNeed& need) const {
  SLUICE_TRY(files, read_head(impl_->objects, *need.head));
  return std::pair{load_params(*need.head->digest, *need.base.digest, files), payload_of(files)};
}

std::filesystem::path Hosts::mark_of_trial(const HostNeed& need) const {
  const auto key = need.head->digest->hex() + need.base.digest->hex() + std::string(impl_->runtime.name());
  return impl_->options.cache / "tried" / Digest::of(key).hex();
}

Hosts::Status Hosts::status(const Digest& base, const std::optional<Digest>& head) const {
  const std::lock_guard lock(impl_->mutex);
  const auto* entry = impl_->live(base);
  if (!entry) return {};
  Status status{
      .state = State::loading, .pid = entry->host ? entry->host->pid() : 0, .leases = entry->leases};
  if (entry->state != HostEntry::State::ready) return status;
  const auto found = head ? entry->heads.find(*head) : entry->heads.end();
  if (!head || (found != entry->heads.end() && found->second.loaded)) status.state = State::warm;
  if (head && found == entry->heads.end()) status.state = State::cold;
  return status;
}

HostLease::HostLease(HostLease&& other) noexcept
    : hosts_(std::exchange(other.hosts_, nullptr)), entry_(other.entry_), head_(other.head_) {}

HostLease& HostLease::operator=(HostLease&& other) noexcept {
  if (this == &other) return *this;
  release();
  hosts_ = std::exchange(other.hosts_, nullptr);
  entry_ = other.entry_;
  head_ = other.head_;
  return *this;
}

HostLease::~HostLease() { release(); }

void HostLease::release() {
  if (!hosts_) return;
  auto& impl = *std::exchange(hosts_, nullptr)->impl_;
  const std::lock_guard lock(impl.mutex);
  impl.return_lease(*entry_, head_);
}

void HostLease::call(std::string method, Value params, std::string payload, ports::HostDone done,
                     ports::ReportProgress report) {
  SLUICE_CHECK(hosts_ != nullptr);
  hosts_->impl_->call(*entry_, std::move(method), std::move(params), std::move(payload), std::move(done),
                      std::move(report));
}

bool HostLease::died() const {
  SLUICE_CHECK(hosts_ != nullptr);
  const std::lock_guard lock(hosts_->impl_->mutex);
  return !entry_->host || entry_->host->died();
}

int HostLease::pid() const {
  SLUICE_CHECK(hosts_ != nullptr);
  const std::lock_guard lock(hosts_->impl_->mutex);
  return entry_->host ? entry_->host->pid() : 0;
}

}  // namespace sluice::serving
