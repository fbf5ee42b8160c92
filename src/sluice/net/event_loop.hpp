#pragma once
// An I/O thread. Private to this module: its files share coroutines.
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "sluice/net/connection.hpp"

namespace sluice::net {

/// A thread with its own event loop. A connection stays on one thread, so that no step of a request wakes a
/// second one.
class EventLoop {
 public:
  /// `sweep`: how often connections are checked for an expired deadline, while there are any.
  EventLoop(std::chrono::milliseconds sweep, const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void start();
  /// Joins the thread. Unfinished coroutines are destroyed with this object.
  void stop();
  [[nodiscard]] boost::asio::io_context& context() { return io_; }

  /// These three must be called on the loop's thread. A connection must outlive its registration.
  void add(Connection& connection);
  void remove(Connection& connection);
  void each(const std::function<void(Connection&)>& visit);

 private:
  boost::asio::awaitable<void> sweep();

  const std::chrono::milliseconds interval_;
  const Clock& clock_;
  std::unordered_set<Connection*> connections_;
  bool sweeping_ = false;
  boost::asio::io_context io_{
      1};  ///< one thread: its own posts wake no other. Its coroutine frames use the members above
  std::thread thread_;
};

}  // namespace sluice::net
