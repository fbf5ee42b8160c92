#pragma once
// Runs a task on another thread and awaits its result. Private to this module: its files share coroutines.
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "sluice/net/connection.hpp"
#include "sluice/net/deferred.hpp"

namespace sluice::net {

/// Wakes a coroutine that waits for other threads or for its client. Used on the connection's loop only;
/// shared, because the event that it waits for may occur after the coroutine has ended.
struct Wake {
  explicit Wake(const boost::asio::any_io_executor& loop)
      : timer(loop, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::steady_timer timer;
  bool client_gone = false;
  bool finished = false;  ///< the coroutine has continued, and its connection may be destroyed
};

/// The waiting side of `run_and_wait`. A coroutine keeps it until its response is being sent, and only then
/// closes the deferred result: the thread that resolved it may still be about to wake this one.
struct Waiter {
  explicit Waiter(const boost::asio::any_io_executor& loop) : wake(std::make_shared<Wake>(loop)) {}
  ~Waiter() { close_last(); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void close_last() {
    if (const auto closing = std::exchange(close, nullptr)) closing();
  }

  std::shared_ptr<Wake> wake;
  std::function<void()> close;  ///< closes the deferred result of the last task
};

/// A task that passes its result to a callback, once, immediately or later, on any thread.
template <typename T>
using Task = std::move_only_function<void(std::move_only_function<void(T)>)>;

/// Runs the task on the loop's thread (`workers` null) or on a worker, and waits for its result. nullopt if
/// it will never produce one, or if the client has disconnected. `receive`: as for Deferred.
template <typename T>
boost::asio::awaitable<std::optional<T>> run_and_wait(boost::asio::thread_pool* workers, Waiter& waiter,
                                                      Task<T> task,
                                                      std::function<void(T&)> receive = nullptr) {
  const auto& wake = waiter.wake;
  // Posted to the loop: the cancel must not happen before the wait.
  const auto deferred = std::make_shared<Deferred<T>>(
      [wake](std::shared_ptr<Deferred<T>> resolved) {
        boost::asio::post(wake->timer.get_executor(), [wake, resolved = std::move(resolved)] {
          if (!resolved->closed()) wake->timer.cancel();
        });
      },
      std::move(receive));
  waiter.close_last();
  waiter.close = [deferred] { deferred->close(); };
  if (workers == nullptr)
    task(deferred->callback());
  else
    boost::asio::post(*workers, [task = std::move(task), callback = deferred->callback()]() mutable {
      task(std::move(callback));
    });
  while (!deferred->resolved() && !wake->client_gone) co_await wake->timer.async_wait(as_result);
  co_return deferred->take();
}

}  // namespace sluice::net
