#include "sluice/net/event_loop.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::net {

namespace asio = boost::asio;

EventLoop::EventLoop(std::chrono::milliseconds sweep, const Clock& clock) : interval_(sweep), clock_(clock) {}
EventLoop::~EventLoop() { stop(); }

void EventLoop::start() {
  thread_ = std::thread([this] {
    const auto guard = asio::make_work_guard(io_);
    io_.run();
  });
}

void EventLoop::stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void EventLoop::add(Connection& connection) {
  connections_.insert(&connection);
  if (std::exchange(sweeping_, true)) return;
  asio::co_spawn(io_, sweep(), asio::detached);
}

void EventLoop::remove(Connection& connection) { connections_.erase(&connection); }

void EventLoop::each(const std::function<void(Connection&)>& visit) {
  for (auto* connection : connections_) visit(*connection);
}

asio::awaitable<void> EventLoop::sweep() {
  asio::steady_timer pause(io_);
  while (!connections_.empty()) {
    pause.expires_after(interval_);
    co_await pause.async_wait(as_result);
    const auto now = clock_.steady();
    for (auto* connection : connections_)
      if (connection->deadline < now) connection->close();
  }
  sweeping_ = false;
}

}  // namespace sluice::net
