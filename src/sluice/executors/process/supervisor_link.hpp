#pragma once
// This room's own: the connection to the supervisor.
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

/// Keeps a connection to the data folder's supervisor, and starts one where there is none. When the
/// connection is lost while something is under way, it is made anew, and every Start that was not answered,
/// and every Cancel whose attempt has not ended, is sent again: both are safe to repeat. Thread-safe. Every
/// call may wait for a supervisor to start.
class SupervisorLink {
 public:
  /// Called on the link's thread, one after the other; they may call the link.
  struct Events {
    /// An attempt has ended, also one that nobody here has asked for (its server died). May come more than
    /// once.
    std::function<void(const supervisor::Ended&)> ended;
    /// Nothing ran: start it without mounts.
    std::function<void(const supervisor::MountsRefused&)> mounts_refused;
    /// The supervisor that ran it died, and nobody can tell how it ended: no supervisor can be had, or the
    /// next one does not know it.
    std::function<void(const std::string& fence, const std::string& why)> lost;
  };
  SupervisorLink(std::filesystem::path data, std::filesystem::path program, Events events);
  /// Lets go; tasks go on.
  ~SupervisorLink();
  SupervisorLink(const SupervisorLink&) = delete;
  SupervisorLink& operator=(const SupervisorLink&) = delete;

  /// Whether the questions below are answered without waiting.
  [[nodiscard]] bool is_ready() const;
  /// Whether the supervisor runs this fence. Connects; when this answers, every end that was not acknowledged
  /// has been told, and a fence that does not run any more has been told too.
  Result<bool> runs(const std::string& fence);
  /// All that run; the same.
  Result<std::unordered_set<std::string>> running();
  /// Code::too_large where it does not fit into a message.
  Result<void> start(supervisor::Start start);
  /// Also of one that is to be started in a moment.
  void cancel(const std::string& fence, std::chrono::milliseconds grace);
  void acknowledge(std::vector<std::string> fences);
  /// Nothing is told after this, and whoever waits in here is sent away.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::executors
