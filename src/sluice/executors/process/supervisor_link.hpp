#pragma once
// Private to this module: the connection to the supervisor.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/ipc/supervisor/messages.hpp"

namespace sluice::executors {

/// Keeps a connection to the data folder's supervisor, and starts a supervisor if there is none. When the
/// connection is lost while something is in flight, it reconnects, and sends again every Start that has no
/// response, and every Cancel whose attempt has not ended: both are safe to repeat. Thread-safe. Every call
/// may wait for a supervisor to start, and fails if none responds in time.
class SupervisorLink {
 public:
  /// Called on the link's thread, one after the other; they may call the link.
  struct Events {
    /// An attempt has ended, also one that was not started by this process (its server died). May be called
    /// more than once.
    std::function<void(const supervisor::Ended&)> ended;
    /// Nothing ran: start it without mounts.
    std::function<void(const supervisor::MountsRefused&)> mounts_refused;
    /// The supervisor that ran it died, and its end is unknown: no supervisor can be started, or the next one
    /// has no record of it.
    std::function<void(const std::string& fence, const std::string& why)> lost;
  };
  /// `response_max`: how long a supervisor may take to start, to respond when it is contacted, or to read
  /// what it was sent.
  SupervisorLink(std::filesystem::path data, std::filesystem::path program, Events events,
                 std::chrono::milliseconds response_max = std::chrono::minutes(2));
  /// Disconnects; tasks continue to run.
  ~SupervisorLink();
  SupervisorLink(const SupervisorLink&) = delete;
  SupervisorLink& operator=(const SupervisorLink&) = delete;

  /// Whether the supervisor is running this fence. Connects; before this returns, every end that was not
  /// acknowledged has been reported, and every fence that is no longer running has been reported too.
  Result<bool> runs(const std::string& fence);
  /// All fences that are running; otherwise as `runs`.
  Result<std::unordered_set<std::string>> running();
  /// Code::too_large if it does not fit into a message.
  Result<void> start(supervisor::Start start);
  /// May be called before `start` for the same fence.
  void cancel(const std::string& fence, std::chrono::milliseconds grace);
  void acknowledge(std::vector<std::string> fences);
  /// No event is reported after this; calls that are waiting return an error.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::executors
