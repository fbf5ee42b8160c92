#pragma once
// Private to its room: its files share coroutines.
#include <chrono>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "sluice/base/clock.hpp"

namespace sluice::net {

/// How coroutines here wait: for a tuple of error and result. Named, so that no coroutine awaits with a
/// temporary: some compilers free those twice.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

/// One accepted socket. Touched on its loop's thread only.
struct Connection {
  /// `c` outlives it.
  Connection(boost::asio::ip::tcp::socket accepted, const Clock& c) : socket(std::move(accepted)), clock(c) {}

  /// What waits for the socket fails at about that time. A word in memory and no timer: it moves several
  /// times a request, and its loop looks at it now and then.
  void expires_after(std::chrono::milliseconds time) { deadline = clock.steady() + time; }
  void expires_never() { deadline = std::chrono::nanoseconds::max(); }
  /// Ends all that waits for the socket.
  void close() {
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  boost::asio::ip::tcp::socket socket;
  boost::beast::flat_buffer buffer;
  std::string local_ip;
  const Clock& clock;
  std::chrono::nanoseconds deadline = std::chrono::nanoseconds::max();  ///< by the steady clock
  bool busy = false;       ///< between a request's first byte and its answer's last
  bool streaming = false;  ///< busy with a body that has no end in sight
};

}  // namespace sluice::net
