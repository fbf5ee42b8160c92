#pragma once
// Sends responses. Private to this module: its files share coroutines.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "sluice/net/connection.hpp"
#include "sluice/net/session.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// The parts of a request's head that control how the response and the body are transferred.
struct Framing {
  bool keep_alive = false;
  bool head_only = false;  ///< the method is HEAD
  bool has_body = false;
  bool expects_continue = false;
  bool chunks = false;                   ///< the response may use chunked encoding, which HTTP/1.0 lacks
  std::string range = {};                ///< of a GET: the header Range, for a response that is a file
  std::string if_range = {};             ///< the entity tag for which it holds; "": any
  const Admission* admission = nullptr;  ///< not null: in whose form a file that cannot be sent is refused
};

/// A response that is being sent.
struct OutgoingResponse {
  // Not explicit: handlers pass a plain response.
  OutgoingResponse(ports::Response given)
      : response(std::move(given)) {}  // NOLINT(google-explicit-constructor)

  ports::Response response;
  std::string head = {};    ///< as it is sent; empty: not written yet
  bool keep_alive = false;  ///< as the head announces: the connection may be reused
  std::size_t sent = 0;     ///< bytes of head and body sent so far
};

/// Sends as much as the socket accepts at once of a response that is in memory, so that the client need not
/// wait for the connection's thread to wake. Does not block. May be called on any thread while the
/// connection's own thread waits for the response.
void begin_response(const SessionContext& context, int socket, OutgoingResponse& outgoing,
                    const Framing& framing);

/// Sends a response, or the rest of it: its bytes, its file, or the pieces of its stream. Returns true if it
/// was sent completely and the connection may be reused.
boost::asio::awaitable<bool> send_response(const SessionContext& context, Connection& connection,
                                           OutgoingResponse outgoing, const Framing& framing);

/// Returns true if all bytes were sent.
boost::asio::awaitable<bool> send_bytes(const SessionContext& context, Connection& connection,
                                        std::string_view bytes);

}  // namespace sluice::net
