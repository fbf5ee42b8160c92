#pragma once
// Private to its room: its files share coroutines.
#include <string_view>

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

/// Sends a whole answer: its bytes, its file, or what its stream gives. True: it went out, and the connection
/// may be used again.
boost::asio::awaitable<bool> send_answer(const SessionContext& context, Connection& connection,
                                         ports::Response response, const Framing& framing);

/// True: all of them went out.
boost::asio::awaitable<bool> send_bytes(const SessionContext& context, Connection& connection,
                                        std::string_view bytes);

}  // namespace sluice::net
