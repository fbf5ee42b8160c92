#pragma once
// Private to its room: its files share coroutines.
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "sluice/net/connection.hpp"
#include "sluice/net/session.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// What a request's head asks for besides its route.
struct Framing {
  bool keep_alive = false;
  bool head_only = false;  ///< HEAD
  bool has_body = false;
  bool expects_continue = false;
  bool chunks = false;  ///< may be answered in chunks, which HTTP/1.0 does not know
};

/// An answer on its way out.
struct Answer {
  // Not explicit: handlers know responses only.
  Answer(ports::Response given) : response(std::move(given)) {}  // NOLINT(google-explicit-constructor)

  ports::Response response;
  std::string head = {};  ///< as it is sent; empty: not begun
  bool lasts = false;     ///< what the head says: the connection may be used again
  std::size_t sent = 0;   ///< of the head and the bytes after it
};

/// Sends what the socket takes at once of an answer whose bytes are here, so that the client need not wait
/// for the connection's thread to wake. Does not block. Any thread, while the connection's own waits for it.
void begin_answer(const SessionContext& context, int socket, Answer& answer, const Framing& framing);

/// Sends a whole answer, or the rest of it: its bytes, its file, or what its stream gives. True: it went out,
/// and the connection may be used again.
boost::asio::awaitable<bool> send_answer(const SessionContext& context, Connection& connection, Answer answer,
                                         const Framing& framing);

/// True: all of them went out.
boost::asio::awaitable<bool> send_bytes(const SessionContext& context, Connection& connection,
                                        std::string_view bytes);

}  // namespace sluice::net
