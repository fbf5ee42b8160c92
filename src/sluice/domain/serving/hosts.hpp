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

// Public to other domain rooms: endpoints and the AI services share the hosts, one warm host a base.

namespace sluice::serving {

struct HostEntry;
class Hosts;

/// What a host must have loaded before a caller may use it.
struct HostNeed {
  Artifact base;                 ///< the base model's files (a directory)
  std::optional<Artifact> head;  ///< a head on that base
};

/// The right to use a host. While one is held, the host is not stopped for idleness. Movable; given back by
/// its destructor, on any thread. Must not outlive its `Hosts`.
class HostLease {
 public:
  HostLease(HostLease&& other) noexcept;
  HostLease& operator=(HostLease&& other) noexcept;
  HostLease(const HostLease&) = delete;
  HostLease& operator=(const HostLease&) = delete;
  ~HostLease();

  /// One call of a method that ipc/host/README.md lists. `done` runs once, as ModelHost::call says; with
  /// Code::unavailable where the host is gone.
  void call(std::string method, Value params, std::string payload, ports::HostDone done);
  /// The host's process is gone: what was open has failed, and the next `acquire` starts another.
  [[nodiscard]] bool died() const;
  [[nodiscard]] int pid() const;

 private:
  friend class Hosts;
  HostLease(Hosts& hosts, HostEntry& entry, const std::optional<Digest>& head)
      : hosts_(&hosts), entry_(&entry), head_(head) {}
  void give_back();

  Hosts* hosts_ = nullptr;
  HostEntry* entry_ = nullptr;
  std::optional<Digest> head_;
};

using LeaseDone = std::move_only_function<void(Result<HostLease>)>;

/// The hosts of this process, one for each base in use. A host starts with the first need for its base, is
/// shared by all who need that base, and stops when nobody has used it for a while. Thread-safe. Its
/// destructor ends all hosts; calls that are open then fail.
class Hosts {
 public:
  struct Options {
    std::filesystem::path cache;  ///< compiled models go to CACHE/compiled/<base digest>-<runtime>
    Milliseconds idle = std::chrono::seconds(60);  ///< an unused host stops after this time
    std::size_t heads_max = 64;  ///< heads kept in one host; the longest unused one leaves first
  };

  Hosts(ports::ModelRuntime& runtime, ports::ObjectStore& objects, const Clock& clock, Options options);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  /// Does not block. `done` runs once: at once where the host is warm, else on a thread of ours or of the
  /// host (be quick there). Code::unavailable where the host died while it loaded: another call tries a new
  /// one.
  void acquire(HostNeed need, LeaseDone done);

  /// The same, waiting. Code::cancelled once `cancel` is requested.
  Result<HostLease> acquire_and_wait(HostNeed need, const std::stop_token& cancel);

  enum class State { cold, loading, warm };
  struct Status {
    State state = State::cold;
    int pid = 0;             ///< 0: cold, or not spawned yet
    std::size_t leases = 0;  ///< in use by that many
  };
  /// With `head`: warm only where the head is loaded too.
  [[nodiscard]] Status status(const Digest& base, const std::optional<Digest>& head = {}) const;

 private:
  friend class HostLease;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// How many hosts one request or one task may lose: what it asks for may be what kills them.
inline constexpr int deaths_max = 2;

/// Calls and waits for the answer. Code::cancelled once `cancel` is requested: the host may still be at work,
/// its answer is dropped. Never called from a host's own thread.
Result<ports::HostReply> call_and_wait(HostLease& host, std::string method, Value params, std::string payload,
                                       const std::stop_token& cancel);

/// Acquires a host, calls it and waits; does both once more where the host dies meanwhile. `params` is called
/// before each try, so that it may clear what the one before has left behind.
Result<ports::HostReply> ask_and_wait(Hosts& hosts, const HostNeed& need, const std::string& method,
                                      const std::function<Result<Struct>()>& params,
                                      const std::stop_token& cancel);

}  // namespace sluice::serving
