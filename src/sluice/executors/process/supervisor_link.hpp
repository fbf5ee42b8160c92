#pragma once
// This room's own: the connection to the supervisor.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sluice/base/result.hpp"
#include "sluice/supervisor/protocol/messages.hpp"

namespace sluice::executors {

/// Keeps a connection to the data folder's supervisor, and starts one where there is none. When the
/// connection is lost, it is made anew, and everything that is under way is asked for again: a Start is safe
/// to repeat. Thread-safe.
class SupervisorLink {
 public:
  struct Events {
    /// An attempt has ended; also for those that nobody here has asked for (their server died).
    std::function<void(const supervisor::Ended&)> ended;
    /// Nothing ran: start it without mounts.
    std::function<void(const supervisor::MountsRefused&)> mounts_refused;
  };
  SupervisorLink(std::filesystem::path data, std::filesystem::path program, Events events);
  ~SupervisorLink();

  /// Whether the supervisor knows this fence: it runs there. Connects first; fails where no supervisor can be
  /// had.
  Result<bool> holds(const std::string& fence);
  /// Sends it now, and again after each reconnection until it has ended.
  Result<void> start(supervisor::Start start);
  void cancel(const std::string& fence, std::chrono::milliseconds grace);
  void acknowledge(const std::string& fence);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::executors
