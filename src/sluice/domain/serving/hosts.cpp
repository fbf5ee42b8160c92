#include "sluice/domain/serving/hosts.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::serving {

/// A host and what it has loaded. Guarded by Hosts::Impl::mutex.
struct HostEntry {
  struct Waiter {
    std::optional<Artifact> head;
    LeaseDone done;
  };
  struct Head {
    bool loaded = false;
    std::vector<LeaseDone> waiters;
    std::size_t leases = 0;
    std::chrono::nanoseconds used{};
  };
  enum class State { starting, ready, gone } state = State::starting;
  Artifact base;
  std::shared_ptr<ports::ModelHost> host;  ///< null until it is spawned, and once it is let go of
  std::vector<Waiter> waiters;             ///< for the base
  std::map<Digest, Head> heads;
  std::size_t leases = 0;           ///< and calls that are being handed over
  std::chrono::nanoseconds used{};  ///< when the last lease ended

  [[nodiscard]] bool is_loading() const {
    return state == State::starting ||
           std::ranges::any_of(heads, [](const auto& head) { return !head.second.loaded; });
  }
};

namespace {

using Ready = std::vector<std::pair<LeaseDone, Result<HostLease>>>;

/// Outside the lock: what is called may come back here.
void answer(Ready& ready) {
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
  std::list<std::unique_ptr<HostEntry>> entries;          ///< at most one a base that is not gone
  std::deque<std::move_only_function<void()>> jobs;       ///< for the keeper: what may block
  std::vector<std::shared_ptr<ports::ModelHost>> let_go;  ///< to be ended by the keeper
  std::jthread keeper;                                    ///< starts, lays out, ends

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
        give_job([this, &made] { start(made); });
      } else if (entry->state == HostEntry::State::starting) {
        entry->waiters.push_back({.head = std::move(need.head), .done = std::move(done)});
      } else {
        with_head(*entry, std::move(need.head), std::move(done), ready);
      }
    }
    answer(ready);
  }

  /// The entry is ready. Called under the lock.
  void with_head(HostEntry& entry, std::optional<Artifact> head, LeaseDone done, Ready& ready) {
    if (!head) {
      ready.emplace_back(std::move(done), grant(entry, {}));
      return;
    }
    const Digest digest = *head->digest;
    const auto [place, is_new] = entry.heads.try_emplace(digest);
    if (place->second.loaded) {
      ready.emplace_back(std::move(done), grant(entry, digest));
      return;
    }
    place->second.waiters.push_back(std::move(done));
    if (is_new)
      give_job(
          [this, &entry, artifact = std::move(*head)]() mutable { load_head(entry, std::move(artifact)); });
  }

  void give_job(std::move_only_function<void()> job) {
    jobs.push_back(std::move(job));
    changed.notify_all();
  }

  /// On the keeper.
  void start(HostEntry& entry) {
    auto host = runtime.start_host();  // first: it loads its libraries while files are laid out
    if (!host) return base_loaded(entry, Fail(std::move(host).error()));
    {
      const std::lock_guard lock(mutex);
      entry.host = *host;
    }
    const auto folder = objects.lay_out(entry.base);
    if (!folder) return base_loaded(entry, Fail(folder.error()));
    const auto cache =
        options.cache / "compiled" / (entry.base.digest->hex() + "-" + std::string(runtime.name()));
    std::error_code error;
    std::filesystem::create_directories(cache, error);
    if (error) return base_loaded(entry, Fail(system_error("make " + cache.string(), error.value())));
    Struct params;
    params.set("base", entry.base.digest->hex());
    params.set("folder", folder->string());
    params.set("cache", cache.string());
    (*host)->call("load_base", std::move(params), {}, [this, &entry](Result<ports::HostReply> reply) {
      base_loaded(entry, reply ? Result<void>() : Fail(std::move(reply).error()));
    });
  }

  /// On the keeper or the host's thread.
  void base_loaded(HostEntry& entry, Result<void> loaded) {
    Ready ready;
    {
      const std::lock_guard lock(mutex);
      auto waiters = std::exchange(entry.waiters, {});
      if (loaded && closing) loaded = Fail(stopping());
      entry.state = loaded ? HostEntry::State::ready : HostEntry::State::gone;
      entry.used = clock.steady();
      for (auto& waiter : waiters) {
        if (loaded)
          with_head(entry, std::move(waiter.head), std::move(waiter.done), ready);
        else
          ready.emplace_back(std::move(waiter.done), Fail(loaded.error()));
      }
      changed.notify_all();
    }
    answer(ready);
  }

  /// On the keeper.
  void load_head(HostEntry& entry, Artifact head) {
    std::shared_ptr<ports::ModelHost> host;
    std::vector<Digest> superfluous;
    {
      const std::lock_guard lock(mutex);
      host = entry.host;
      if (entry.heads.size() > options.heads_max) superfluous = forget_oldest_head(entry);
    }
    const Digest digest = *head.digest;
    const auto folder = objects.lay_out(head);
    if (!host || !folder) return head_loaded(entry, digest, Fail(folder ? stopping() : folder.error()));
    for (const auto& other : superfluous) {
      Struct params;
      params.set("head", other.hex());
      host->call("unload_head", std::move(params), {}, [](Result<ports::HostReply>) {});
    }
    Struct params;
    params.set("head", digest.hex());
    params.set("folder", folder->string());
    params.set("base", entry.base.digest->hex());
    host->call("load_head", std::move(params), {}, [this, &entry, digest](Result<ports::HostReply> reply) {
      head_loaded(entry, digest, reply ? Result<void>() : Fail(std::move(reply).error()));
    });
  }

  std::vector<Digest> forget_oldest_head(HostEntry& entry) {
    auto oldest = entry.heads.end();
    for (auto head = entry.heads.begin(); head != entry.heads.end(); ++head) {
      if (!head->second.loaded || head->second.leases > 0) continue;
      if (oldest == entry.heads.end() || head->second.used < oldest->second.used) oldest = head;
    }
    if (oldest == entry.heads.end()) return {};
    const Digest digest = oldest->first;
    entry.heads.erase(oldest);
    return {digest};
  }

  /// On the keeper or the host's thread.
  void head_loaded(HostEntry& entry, const Digest& digest, Result<void> loaded) {
    Ready ready;
    {
      const std::lock_guard lock(mutex);
      const auto place = entry.heads.find(digest);
      if (place == entry.heads.end()) return;
      if (loaded && closing) loaded = Fail(stopping());
      auto waiters = std::exchange(place->second.waiters, {});
      place->second.loaded = loaded.has_value();
      place->second.used = entry.used = clock.steady();
      for (auto& done : waiters) {
        if (loaded)
          ready.emplace_back(std::move(done), grant(entry, digest));
        else
          ready.emplace_back(std::move(done), Fail(loaded.error()));
      }
      if (!loaded) entry.heads.erase(place);
      changed.notify_all();
    }
    answer(ready);
  }

  void call(HostEntry& entry, std::string method, Value params, std::string payload, ports::HostDone done) {
    std::shared_ptr<ports::ModelHost> host;
    {
      const std::lock_guard lock(mutex);
      host = entry.host;
      ++entry.leases;  // `done` may end the caller's lease before the host has returned to us
    }
    if (host)
      host->call(std::move(method), std::move(params), std::move(payload), std::move(done));
    else
      done(Fail(stopping()));
    const std::lock_guard lock(mutex);
    if (closing) let_go.push_back(std::move(host));
    host.reset();  // not the last owner: the entry is, or the line above
    return_lease(entry, {});
  }

  /// Under the lock.
  void return_lease(HostEntry& entry, const std::optional<Digest>& head) {
    --entry.leases;
    entry.used = clock.steady();
    if (head) {
      auto& place = entry.heads.at(*head);
      --place.leases;
      place.used = entry.used;
    }
    if (entry.leases == 0 && (closing || entry.state == HostEntry::State::gone)) changed.notify_all();
  }

  void keep(const std::stop_token& stop) {
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
      if (auto ending = std::exchange(let_go, {}); !ending.empty()) {
        lock.unlock();
        ending.clear();
        lock.lock();
        continue;
      }
      const auto woken = [this] { return !jobs.empty() || std::ranges::any_of(entries, is_over); };
      if (pause)
        changed.wait_for(lock, stop, *pause, woken);
      else
        changed.wait(lock, stop, [&] { return woken() || !entries.empty(); });
    }
  }

  static bool is_over(const std::unique_ptr<HostEntry>& entry) {
    return entry->state == HostEntry::State::gone && entry->leases == 0 && !entry->is_loading();
  }

  /// Lets go of hosts that died or that nobody used for a while; answers when to look again, if ever. Under
  /// the lock.
  std::optional<std::chrono::nanoseconds> sweep() {
    std::optional<std::chrono::nanoseconds> pause;
    const auto now = clock.steady();
    for (auto entry = entries.begin(); entry != entries.end();) {
      auto& it = **entry;
      std::chrono::nanoseconds left = options.idle;
      if (it.state == HostEntry::State::ready && it.leases == 0 && !it.is_loading()) {
        left = it.used + options.idle - now;
        if (it.host->died() || left <= std::chrono::nanoseconds::zero()) it.state = HostEntry::State::gone;
      }
      if (is_over(*entry)) {
        if (it.host) let_go.push_back(std::move(it.host));
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
    answer(ready);
    keeper.request_stop();
    keeper.join();
    std::unique_lock lock(mutex);
    jobs.clear();
    for (auto& entry : entries)
      if (entry->host) let_go.push_back(std::move(entry->host));
    // Ending the hosts fails their open calls, which gives the leases back.
    const auto all_back = [this] {
      return std::ranges::all_of(entries, [](const auto& entry) { return entry->leases == 0; });
    };
    for (;;) {
      auto ending = std::exchange(let_go, {});
      lock.unlock();
      ending.clear();
      lock.lock();
      if (all_back() && let_go.empty()) return;
      changed.wait(lock, [&] { return all_back() || !let_go.empty(); });
    }
  }
};

Hosts::Hosts(ports::ModelRuntime& runtime, ports::ObjectStore& objects, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(*this, runtime, objects, clock, std::move(options))) {
  impl_->keeper = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->keep(stop); });
}

Hosts::~Hosts() { impl_->close(); }

void Hosts::acquire(HostNeed need, LeaseDone done) {
  if (!need.base.digest || (need.head && !need.head->digest))
    return done(Fail(Error{.code = Code::internal,
                           .message = "a model without a digest cannot be loaded",
                           .blame = Blame::sluice}));
  impl_->acquire(std::move(need), std::move(done));
}

Hosts::Status Hosts::status(const Digest& base, const std::optional<Digest>& head) const {
  const std::lock_guard lock(impl_->mutex);
  const auto* entry = impl_->live(base);
  if (!entry) return {};
  Status status{
      .state = State::loading, .pid = entry->host ? entry->host->pid() : 0, .leases = entry->leases};
  if (entry->state != HostEntry::State::ready) return status;
  const auto place = head ? entry->heads.find(*head) : entry->heads.end();
  if (!head || (place != entry->heads.end() && place->second.loaded)) status.state = State::warm;
  if (head && place == entry->heads.end()) status.state = State::cold;
  return status;
}

HostLease::HostLease(HostLease&& other) noexcept
    : hosts_(std::exchange(other.hosts_, nullptr)), entry_(other.entry_), head_(other.head_) {}

HostLease& HostLease::operator=(HostLease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  hosts_ = std::exchange(other.hosts_, nullptr);
  entry_ = other.entry_;
  head_ = other.head_;
  return *this;
}

HostLease::~HostLease() { give_back(); }

void HostLease::give_back() {
  if (!hosts_) return;
  auto& impl = *std::exchange(hosts_, nullptr)->impl_;
  const std::lock_guard lock(impl.mutex);
  impl.return_lease(*entry_, head_);
}

void HostLease::call(std::string method, Value params, std::string payload, ports::HostDone done) {
  SLUICE_CHECK(hosts_ != nullptr);
  hosts_->impl_->call(*entry_, std::move(method), std::move(params), std::move(payload), std::move(done));
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
