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
#include "sluice/supervisor/protocol/messages.hpp"

namespace sluice::executors {

/// Keeps a connection to the data folder's supervisor, and starts one where there is none. When the
/// connection is lost while something is under way, it is made anew, and every Start that was not answered is
/// sent again: a Start is safe to repeat. Thread-safe. Every call may wait for a supervisor to start.
class SupervisorLink {
 public:
  /// Called on the link's thread, one after the other; they may call the link.
  struct Events {
    /// An attempt has ended, also one that nobody here has asked for (its server died). May come more than
    /// once.
    std::function<void(const supervisor::Ended&)> ended;
    /// Nothing ran: start it without mounts.
    std::function<void(const supervisor::MountsRefused&)> mounts_refused;
    /// The connection is gone, and no supervisor can be had: what ran has died with it.
    std::function<void(const Error&)> given_up;
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
  void cancel(const std::string& fence, std::chrono::milliseconds grace);
  void acknowledge(std::vector<std::string> fences);
  /// Nothing is told after this, and whoever waits in here is sent away.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::executors
