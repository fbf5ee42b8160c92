#pragma once
// An accepted connection. Private to this module: its files share coroutines.
#include <chrono>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "sluice/base/clock.hpp"
#include "sluice/net/certificate.hpp"
#include "sluice/net/gate.hpp"
#include "sluice/net/maybe_tls.hpp"

namespace sluice::net {

/// The completion token of coroutines here: they await a tuple of error and result. Named, so that no
/// coroutine awaits with a temporary: some compilers free those twice.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

/// A socket of TCP, or of a file.
using Socket = boost::asio::generic::stream_protocol::socket;

/// One accepted socket and its state. Used on its loop's thread only.
struct Connection {
  /// `c` must outlive it.
  Connection(Socket accepted, const Clock& c) : stream(std::move(accepted)), clock(c) {}

  [[nodiscard]] Socket& socket() { return stream.next_layer(); }

  /// Pending operations on the socket fail at about that time. The deadline is a field and not a timer
  /// because it changes several times per request; the loop checks it periodically.
  void expires_after(std::chrono::milliseconds time) { deadline = clock.steady() + time; }
  void expires_never() { deadline = std::chrono::nanoseconds::max(); }
  /// Ends all pending operations on the socket.
  void close() {
    boost::system::error_code ignored;
    socket().close(ignored);
  }

  MaybeTls<Socket> stream;
  Certificate::Context certificate;  ///< null: the stream is plain
  boost::beast::flat_buffer buffer;
  Gate::Source source;
  const Clock& clock;
  std::chrono::nanoseconds deadline = std::chrono::nanoseconds::max();  ///< on the steady clock
  bool busy = false;       ///< between a request's first byte and its response's last
  bool streaming = false;  ///< busy with a streamed body of unknown length
};

}  // namespace sluice::net
