#pragma once
// Private to its room: its files share coroutines.
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "sluice/net/connection.hpp"
#include "sluice/net/later.hpp"

namespace sluice::net {

/// Wakes a coroutine that waits for other threads or for its client. Touched on the connection's loop only;
/// shared, as what it waits for may come after the coroutine has gone.
struct Wake {
  explicit Wake(const boost::asio::any_io_executor& loop)
      : timer(loop, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::steady_timer timer;
  bool client_gone = false;
  bool over = false;  ///< the coroutine has gone on, and its connection may be no more
};

/// Whoever waits for handed-over work keeps one, until its answer is on the way: only then does it part from
/// the thread that handed the work over, which may still be about to wake this one.
struct Waiting {
  explicit Waiting(const boost::asio::any_io_executor& loop) : wake(std::make_shared<Wake>(loop)) {}
  ~Waiting() { part(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void part() {
    if (const auto leave = std::exchange(close, nullptr)) leave();
  }

  std::shared_ptr<Wake> wake;
  std::function<void()> close;  ///< of what was waited for last
};

/// Is given what takes its result, once, now or later and on any thread.
template <typename T>
using Work = std::move_only_function<void(std::move_only_function<void(T)>)>;

/// Does the work on the loop's thread (`workers` null) or has a worker do it, and waits for what it hands
/// over. Nothing: it never will, or the client has gone. `receive`: as Later's.
template <typename T>
boost::asio::awaitable<std::optional<T>> handed_over(boost::asio::thread_pool* workers, Waiting& waiting,
                                                     Work<T> work,
                                                     std::function<void(T&)> receive = nullptr) {
  const auto& wake = waiting.wake;
  // By way of the loop: the cancel must not come before the wait.
  const auto later = std::make_shared<Later<T>>(
      [wake](std::shared_ptr<Later<T>> settled) {
        boost::asio::post(wake->timer.get_executor(), [wake, settled = std::move(settled)] {
          if (!settled->closed()) wake->timer.cancel();
        });
      },
      std::move(receive));
  waiting.part();
  waiting.close = [later] { later->close(); };
  if (workers == nullptr)
    work(later->taker());
  else
    boost::asio::post(*workers,
                      [work = std::move(work), taker = later->taker()]() mutable { work(std::move(taker)); });
  while (!later->settled() && !wake->client_gone) co_await wake->timer.async_wait(as_result);
  co_return later->take();
}

}  // namespace sluice::net
