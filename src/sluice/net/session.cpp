#include "sluice/net/session.hpp"

#include <algorithm>
#include <functional>
#include <memory>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <sys/socket.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/response.hpp"
#include "sluice/net/run_and_wait.hpp"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Parser = http::request_parser<http::buffer_body>;

constexpr std::size_t piece = std::size_t{64} << 10;       ///< the most bytes per read of a body
constexpr std::size_t coded_piece = std::size_t{4} << 10;  ///< of a compressed body: it may unpack to 4 MiB
constexpr std::size_t first_read = std::size_t{16} << 10;  ///< enough for a small request in one read
constexpr std::size_t discard_max = std::size_t{64}
                                    << 10;  ///< of an unwanted body, read to keep the connection
constexpr std::size_t linger_max = std::size_t{8} << 20;  ///< of an unwanted body, read before closing

Error malformed(std::string_view why) {
  return user_error(Code::invalid_argument, "malformed HTTP/1.1 request: " + std::string(why));
}

RequestHead head_of(const Parser& parser) {
  const auto& message = parser.get();
  RequestHead head;
  head.method = std::string(message.method_string());
  head.target = std::string(message.target());
  head.version_1_0 = message.version() < 11;
  head.chunked = parser.chunked();
  if (const auto length = parser.content_length()) head.content_length = *length;
  for (const auto& field : message)
    head.headers.emplace_back(lower_ascii(field.name_string()), std::string(field.value()));
  return head;
}

Framing framing_of(const Parser& parser, const RequestHead& head) {
  const auto& message = parser.get();
  const bool has_range = head.method == "GET" && message.count(http::field::range) == 1;
  return {
      // An older client cannot have meant `chunked`, so a proxy may see another end of this request.
      .keep_alive = message.keep_alive() && !(head.version_1_0 && head.chunked),
      .head_only = head.method == "HEAD",
      .has_body = head.chunked || head.content_length.value_or(0) > 0,
      .expects_continue = !head.version_1_0 && lower_ascii(message[http::field::expect]) == "100-continue",
      .chunks = !head.version_1_0,
      .range = has_range ? std::string(message[http::field::range]) : "",
      .if_range = has_range ? std::string(message[http::field::if_range]) : ""};
}

/// Waits for a request's first byte, using as little memory as possible.
asio::awaitable<bool> wait_for_request(const SessionContext& context, Connection& connection) {
  if (connection.buffer.size() > 0) co_return true;
  connection.buffer.shrink_to_fit();
  connection.expires_after(context.options.idle_timeout);
  if (connection.stream.tls() != nullptr) {
    const auto space = connection.buffer.prepare(first_read);
    const auto [error, count] = co_await connection.stream.async_read_some(space, as_result);
    connection.buffer.commit(count);
    co_return !error;
  }
  const auto [waited] = co_await connection.socket().async_wait(Socket::wait_read, as_result);
  if (waited) co_return false;
  boost::system::error_code error;
  connection.buffer.commit(connection.socket().read_some(connection.buffer.prepare(first_read), error));
  co_return !error || error == asio::error::would_block;
}

/// Tells the client that nothing follows.
asio::awaitable<void> end_sending(Connection& connection) {
  if (auto* tls = connection.stream.tls()) {
    connection.expires_after(std::chrono::seconds(1));
    co_await tls->async_shutdown(as_result);
  }
  boost::system::error_code ignored;
  connection.socket().shutdown(Socket::shutdown_send, ignored);
}

/// Lets a client that is still sending read the response: closing at once would reset the connection.
asio::awaitable<void> linger(Connection& connection) {
  boost::system::error_code ignored;
  connection.socket().shutdown(Socket::shutdown_send, ignored);
  std::string chunk(piece, '\0');
  connection.expires_after(std::chrono::seconds(5));
  for (std::size_t total = 0; total < linger_max;) {
    const auto space = asio::buffer(chunk);
    const auto [error, count] = co_await connection.stream.async_read_some(space, as_result);
    if (error) co_return;
    total += count;
  }
}

/// Receives the body. Code::cancelled: the client disconnected, or was too slow.
asio::awaitable<Result<void>> read_body(const SessionContext& context, Connection& connection, Parser& parser,
                                        Body& body, std::size_t piece_max, const Framing& framing) {
  if (framing.expects_continue && connection.buffer.size() == 0) {
    constexpr std::string_view go_ahead = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!co_await send_bytes(context, connection, go_ahead))
      co_return Fail(user_error(Code::cancelled, "the client disconnected"));
  }
  const auto length = parser.content_length();
  std::string chunk(length ? std::min<std::size_t>(*length, piece_max) : piece_max, '\0');
  connection.buffer.reserve(chunk.size());  // a read is at most as long as the space reserved here
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    connection.expires_after(context.options.read_timeout);
    const auto [error, count] =
        co_await http::async_read_some(connection.stream, connection.buffer, parser, as_result);
    if (error && error != http::error::need_buffer) {
      if (error.category() == http::make_error_code(http::error::bad_method).category() &&
          error != http::error::partial_message && error != http::error::end_of_stream)
        co_return Fail(malformed(error.message()));
      co_return Fail(user_error(Code::cancelled, "the client disconnected"));
    }
    const std::string_view got(chunk.data(), chunk.size() - parser.get().body().size);
    if (auto added = body.add(got); !added) co_return added;
  }
  co_return Result<void>{};
}

/// Reads an unwanted body if it is small. Returns true if it was read completely.
asio::awaitable<bool> discard_body(const SessionContext& context, Connection& connection, Parser& parser) {
  std::string chunk(std::size_t{16} << 10, '\0');
  std::size_t total = 0;
  if (parser.content_length().value_or(0) > discard_max) co_return false;
  while (!parser.is_done() && total <= discard_max) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    const auto [error, count] =
        co_await http::async_read_some(connection.stream, connection.buffer, parser, as_result);
    if (error && error != http::error::need_buffer) co_return false;
    total += chunk.size() - parser.get().body().size;
  }
  co_return parser.is_done();
}

/// Calls the handler, here or on a worker, and waits for its response, part of which may have been sent
/// already. `body` is dropped before the response is sent: a client that has its response finds nothing of
/// the body.
asio::awaitable<OutgoingResponse> call_handler(const SessionContext& context, Connection& connection,
                                               Waiter& waiter, Admission& admission, Body& body,
                                               const Framing& framing) {
  const auto& route = *admission.route;
  const bool brief = route.is_brief && route.is_brief(admission.request);
  Task<OutgoingResponse> call = [request = std::move(admission.request),
                                 &route](std::move_only_function<void(OutgoingResponse)> done) mutable {
    try {
      route.handler(std::move(request), std::move(done));
    } catch (const std::exception& problem) {
      log::error("the handler of " + route.method + " " + route.pattern + " threw: " + problem.what());
    }
  };
  // TLS has a state that belongs to the connection's thread.
  const int socket = connection.stream.tls() == nullptr ? connection.socket().native_handle() : -1;
  std::function<void(OutgoingResponse&)> begin = [&context, &body, socket,
                                                  framing](OutgoingResponse& outgoing) {
    body.drop();
    if (socket >= 0) begin_response(context, socket, outgoing, framing);
  };
  auto outgoing = co_await run_and_wait<OutgoingResponse>(brief ? nullptr : &context.workers, waiter,
                                                          std::move(call), std::move(begin));
  if (outgoing) co_return std::move(*outgoing);
  co_return context.gate.error(
      admission,
      internal_error(Code::internal, "internal error: no response was produced; see the server log"));
}

/// Reads one request and responds to it. Returns true if the connection can be used for another.
asio::awaitable<bool> serve_one(const SessionContext& context, Connection& connection) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(context.options.head_max));
  parser.body_limit(boost::none);  // `Body` checks the route's limit
  connection.expires_after(context.options.read_timeout);
  const auto [error, count] =
      co_await http::async_read_header(connection.stream, connection.buffer, parser, as_result);
  if (error) {
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error.category() != http::make_error_code(http::error::bad_method).category())
      co_return false;
    const bool too_long = error == http::error::header_limit;
    const Error problem =
        too_long ? user_error(Code::too_large, "the request head is larger than " +
                                                   std::to_string(context.options.head_max >> 10) + " KiB")
                 : malformed(error.message());
    ports::Response response = context.gate.error({}, problem);
    if (too_long) response.status = 431;
    const Framing closing{};
    co_await send_response(context, connection, std::move(response), closing);
    co_await linger(connection);
    co_return false;
  }

  RequestHead head = head_of(parser);
  Framing framing = framing_of(parser, head);
  // Guessing where the body ends would allow request smuggling.
  const bool has_known_end = !refuse_transfer_coding(head.headers);
  auto admission = context.gate.admit(std::move(head), connection.source);
  if (!admission) {
    bool clean = has_known_end && !framing.has_body;
    if (framing.has_body && has_known_end && !framing.expects_continue)
      clean = co_await discard_body(context, connection, parser);
    framing.keep_alive = framing.keep_alive && clean;
    const bool sent = co_await send_response(context, connection, std::move(admission.error()), framing);
    if (sent && !clean) co_await linger(connection);
    co_return sent&& framing.keep_alive;
  }

  framing.admission = &*admission;
  Body body(*admission->route, context.options.scratch, context.body_memory, admission->coding);
  // Pieces of other connections take turns with the decompression of each.
  const std::size_t piece_max = admission->coding == ContentCoding::identity ? piece : coded_piece;
  Result<void> received;
  if (framing.has_body) received = co_await read_body(context, connection, parser, body, piece_max, framing);
  if (received) received = body.move_to(admission->request);
  if (!received && received.error().code == Code::cancelled) co_return false;
  if (!received) {
    body.drop();  // `linger` may take a while
    framing.keep_alive = false;
    ports::Response response = context.gate.error(*admission, received.error());
    const bool sent = co_await send_response(context, connection, std::move(response), framing);
    if (sent) co_await linger(connection);
    co_return false;
  }
  connection.expires_never();
  Waiter waiter(connection.stream.get_executor());
  OutgoingResponse outgoing = co_await call_handler(context, connection, waiter, *admission, body, framing);
  co_return co_await send_response(context, connection, std::move(outgoing), framing);
}

/// A client that speaks plain HTTP to an encrypted port is told so.
asio::awaitable<bool> begin_tls(const SessionContext& context, Connection& connection) {
  connection.expires_after(context.options.read_timeout);
  const auto [waited] = co_await connection.socket().async_wait(Socket::wait_read, as_result);
  if (waited) co_return false;
  char first = 0;
  constexpr char handshake = 22;  // RFC 8446, ContentType
  if (::recv(connection.socket().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) co_return false;
  if (first != handshake) {
    constexpr std::string_view use_tls =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 43\r\nConnection: "
        "close\r\n\r\nthis server speaks TLS: write https://...\r\n";
    co_await send_bytes(context, connection, use_tls);
    co_await linger(connection);
    co_return false;
  }
  auto& tls = connection.stream.use_tls(*connection.certificate);
  const auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::server, as_result);
  co_return !error;
}

}  // namespace

asio::awaitable<void> serve_requests(const SessionContext& context, Connection& connection) {
  if (connection.certificate && !co_await begin_tls(context, connection)) co_return;
  try {
    while (!context.stopping && co_await wait_for_request(context, connection)) {
      connection.busy = true;
      const bool again = co_await serve_one(context, connection);
      connection.busy = false;
      if (!again) break;
    }
  } catch (const std::exception& problem) {
    log::error(std::string("connection closed unexpectedly: ") + problem.what());
  }
  co_await end_sending(connection);
}

}  // namespace sluice::net
