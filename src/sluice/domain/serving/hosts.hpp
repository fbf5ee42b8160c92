#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/ports/model_host.hpp"
#include "sluice/ports/object_store.hpp"

// Model hosts and leases on them. Public to other domain modules: endpoints and the AI services share the
// hosts, one per base.

namespace sluice::serving {

struct HostEntry;
class Hosts;

/// The models that a host must have loaded before a caller may use it.
struct HostNeed {
  Artifact base;                 ///< the base model's files, in directory form
  std::optional<Artifact> head;  ///< a head on that base
};

/// The right to use a host. While a lease is held, the host is not stopped as idle. Movable; released by its
/// destructor, on any thread. Must not outlive its `Hosts`.
class HostLease {
 public:
  HostLease(HostLease&& other) noexcept;
  HostLease& operator=(HostLease&& other) noexcept;
  HostLease(const HostLease&) = delete;
  HostLease& operator=(const HostLease&) = delete;
  ~HostLease();

  /// One call of a method that ipc/host/README.md lists. `done` runs once, and `report` as ModelHost::call
  /// says; with Code::unavailable if the host is gone.
  void call(std::string method, Value params, std::string payload, ports::HostDone done,
            ports::ReportProgress report = nullptr);
  /// True if the host's process is gone: its open calls have failed, and the next `acquire` starts another.
  [[nodiscard]] bool died() const;
  [[nodiscard]] int pid() const;

 private:
  friend class Hosts;
  HostLease(Hosts& hosts, HostEntry& entry, const std::optional<Digest>& head)
      : hosts_(&hosts), entry_(&entry), head_(head) {}
  void release();

  Hosts* hosts_ = nullptr;
  HostEntry* entry_ = nullptr;
  std::optional<Digest> head_;
};

using LeaseDone = std::move_only_function<void(Result<HostLease>)>;

/// The hosts of this process, one per base in use. A host starts when its base is first needed, is shared by
/// all callers that need that base, and stops after it was idle for a while. Thread-safe. The destructor
/// stops all hosts; calls that are open then fail.
class Hosts {
 public:
  struct Options {
    std::filesystem::path cache;  ///< compiled models are written to CACHE/compiled/<base digest>-<runtime>
    Milliseconds idle = std::chrono::seconds(60);  ///< an idle host is stopped after this time
    std::size_t heads_max = 64;  ///< heads kept in one host; the least recently used is evicted first
  };

  Hosts(ports::ModelRuntime& runtime, ports::ObjectStore& objects, const Clock& clock, Options options);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  /// Does not block. `done` runs once: before this returns if the host is warm, else on the worker thread or
  /// a thread of the host, where it must not block. Code::unavailable if the host died while it loaded:
  /// another call tries a new one.
  void acquire(HostNeed need, LeaseDone done);

  /// As `acquire`, but blocks until the host is ready. Code::cancelled once `cancel` is requested.
  Result<HostLease> acquire_and_wait(HostNeed need, const std::stop_token& cancel);

  /// Loads the head and predicts with it in a host of its own, which serves nobody and ends with this call:
  /// what a host reports is returned, and a head that ends its host is Code::failed_precondition.
  /// One that was tried before is not tried again. Blocks.
  Result<void> try_head(const HostNeed& need, const std::stop_token& cancel);

  enum class State { cold, loading, warm };
  struct Status {
    State state = State::cold;
    int pid = 0;             ///< 0: cold, or not spawned yet
    std::size_t leases = 0;  ///< number of leases held
  };
  /// With `head`: warm only if the head is loaded too.
  [[nodiscard]] Status status(const Digest& base, const std::optional<Digest>& head = {}) const;

 private:
  friend class HostLease;
  struct Impl;
  Result<std::shared_ptr<ports::ModelHost>> start_apart(const Artifact& base);
  [[nodiscard]] Result<std::pair<Value, std::string>> load_request(const HostNeed& need) const;
  /// An empty file that is there once the head was tried on the base.
  [[nodiscard]] std::filesystem::path mark_of_trial(const HostNeed& need) const;
  std::unique_ptr<Impl> impl_;
};

/// How many host deaths one request or task is allowed: it may be what kills the hosts.
inline constexpr int deaths_max = 2;

/// Calls a method and waits for the reply. Code::cancelled once `cancel` is requested: the host may still be
/// working (and report progress), and its reply is dropped. Must not be called on a host's own thread.
Result<ports::HostResponse> call_and_wait(HostLease& host, std::string method, Value params,
                                          std::string payload, const std::stop_token& cancel,
                                          ports::ReportProgress report = nullptr);

/// Acquires a host and does `work` with it; once more, on a new host, if the host dies meanwhile: `work`
/// fails with Code::unavailable then. `what` names the work in the message of a second death.
Result<void> work_on_host(Hosts& hosts, const HostNeed& need, const std::string& what,
                          const std::function<Result<void>(HostLease&)>& work, const std::stop_token& cancel);

}  // namespace sluice::serving
