#include "sluice/net/response.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>

#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/head.hpp"
#include "sluice/net/range.hpp"
#include "sluice/net/run_and_wait.hpp"
#include "sluice/net/sent_file.hpp"

namespace sluice::net {
namespace {

namespace asio = boost::asio;

constexpr std::size_t send_piece = std::size_t{256} << 10;  ///< the most bytes per write of a body

bool sends_body(const OutgoingResponse& outgoing, const Framing& framing) {
  return !framing.head_only && has_body(outgoing.response.status);
}

/// `length`: the length of the body; unused for a stream.
void write_head(const SessionContext& context, OutgoingResponse& outgoing, const Framing& framing,
                std::uint64_t length) {
  const bool streamed = outgoing.response.stream != nullptr;
  const bool chunked = streamed && framing.chunks;
  outgoing.keep_alive = framing.keep_alive && !context.stopping && (!streamed || chunked);
  const BodyEnd end{.length = streamed ? std::nullopt : std::optional(length), .chunked = chunked};
  outgoing.head = response_head(outgoing.response, end, outgoing.keep_alive, context.clock.now());
}

asio::awaitable<bool> send_file(const SessionContext& context, Connection& connection, SentFile& file,
                                ByteRange range) {
  std::string chunk(std::min<std::uint64_t>(send_piece, range.size), '\0');
  for (std::uint64_t sent = 0; sent < range.size;) {
    const auto next = std::min<std::uint64_t>(chunk.size(), range.size - sent);
    const auto got = file.read(range.first + sent, std::span(chunk).first(next));
    if (got == 0) co_return false;  // shorter than announced: closing the connection shows this to the client
    const std::string_view bytes(chunk.data(), got);
    if (!co_await send_bytes(context, connection, bytes)) co_return false;
    sent += got;
  }
  co_return true;
}

std::string_view header_of(const ports::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (lower_ascii(key) == name) return value;
  return {};
}

ports::Response refusal(const SessionContext& context, const Framing& framing, const Error& error) {
  return context.gate.error(framing.admission ? *framing.admission : Admission{}, error);
}

/// The part of the file that is sent, which the response announces; nullopt: none, and the response says why.
std::optional<ByteRange> choose_range(const SessionContext& context, ports::Response& response,
                                      std::uint64_t size, const Framing& framing) {
  const ByteRange whole{.first = 0, .size = size};
  if (response.status != 200) return whole;
  response.headers.emplace_back("Accept-Ranges", "bytes");
  const bool is_meant = framing.if_range.empty() || framing.if_range == header_of(response, "etag");
  const auto asked = read_range(is_meant ? framing.range : "", size);
  if (!asked) {
    response = refusal(
        context, framing,
        user_error(Code::invalid_argument, fmt::format("the range is behind the end, at byte {}", size)));
    response.status = 416;
    response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
    return std::nullopt;
  }
  if (!*asked) return whole;
  const auto [first, count] = **asked;
  response.status = 206;
  response.headers.emplace_back("Content-Range",
                                fmt::format("bytes {}-{}/{}", first, first + count - 1, size));
  return *asked;
}

/// Pulls pieces and sends them until the stream ends, the client disconnects or stops reading, or the server
/// stops. Returns true if everything was sent.
asio::awaitable<bool> send_stream(const SessionContext& context, Connection& connection,
                                  std::shared_ptr<ports::Stream> source, bool chunked) {
  Waiter waiter(connection.stream.get_executor());
  const auto& wake = waiter.wake;
  // The client should not send anything now: the socket becomes readable when the client disconnects, or
  // with a pipelined request, which stays unread.
  connection.socket().async_wait(Socket::wait_read,
                                 [wake = waiter.wake, &connection](const boost::system::error_code& error) {
                                   if (wake->finished) return;
                                   char byte = 0;
                                   const auto native = connection.socket().native_handle();
                                   const auto seen = ::recv(native, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                                   // A client that closes before it has read everything resets the
                                   // connection.
                                   const bool reset = seen < 0 && errno != EAGAIN && errno != EINTR;
                                   wake->client_gone = error || seen == 0 || reset;
                                   if (wake->client_gone) wake->timer.cancel();
                                 });
  struct StreamGuard {
    Connection& connection;
    Wake& wake;
    ~StreamGuard() {
      boost::system::error_code ignored;
      connection.streaming = false;
      wake.finished = true;
      if (connection.socket().is_open()) connection.socket().cancel(ignored);
    }
  } const guard{connection, *wake};

  connection.streaming = true;
  while (!context.stopping && !wake->client_gone) {
    connection.expires_never();
    Task<ports::Stream::Piece> pull = [source](std::move_only_function<void(ports::Stream::Piece)> done) {
      try {
        source->next(std::move(done));
      } catch (const std::exception& problem) {
        log::error(std::string("a streamed response was cut off: ") + problem.what());
      }
    };
    const auto got = co_await run_and_wait<ports::Stream::Piece>(&context.workers, waiter, std::move(pull));
    if (!got) co_return false;
    const bool ends = !got->has_value();
    if (ends && !chunked) co_return true;
    if (!ends && (*got)->empty()) continue;
    const std::string_view bytes = ends ? std::string_view() : std::string_view(**got);
    std::string size;
    std::string_view after;
    if (chunked) {
      std::array<char, 16> digits{};
      const auto written = std::to_chars(digits.begin(), digits.end(), bytes.size(), 16);
      size.assign(digits.begin(), written.ptr);
      size += "\r\n";
      after = "\r\n";
    }
    const std::array<asio::const_buffer, 3> chunk{asio::buffer(size),
                                                  asio::buffer(bytes.data(), bytes.size()),
                                                  asio::buffer(after.data(), after.size())};
    connection.expires_after(context.options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.stream, chunk, as_result);
    if (error) co_return false;
    if (ends) co_return true;
  }
  co_return false;
}

}  // namespace

void begin_response(const SessionContext& context, int socket, OutgoingResponse& outgoing,
                    const Framing& framing) {
  auto& response = outgoing.response;
  if (!response.body_file.empty() || response.stream || response.body.size() > send_piece) return;
  write_head(context, outgoing, framing, response.body.size());
  std::array<iovec, 2> parts{{{.iov_base = outgoing.head.data(), .iov_len = outgoing.head.size()},
                              {.iov_base = response.body.data(), .iov_len = response.body.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = sends_body(outgoing, framing) ? 2 : 1;
  const auto sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // An error of the socket is detected when the connection's thread continues to send.
  if (sent > 0) outgoing.sent = static_cast<std::size_t>(sent);
}

asio::awaitable<bool> send_response(const SessionContext& context, Connection& connection,
                                    OutgoingResponse outgoing, const Framing& framing) {
  auto& response = outgoing.response;
  std::optional<SentFile> file;
  if (!response.body_file.empty()) {
    file.emplace(response.body_file);
    if (file->failed()) {
      log::error("cannot open " + response.body_file.string() + " to send it");
      file.reset();
      response =
          refusal(context, framing, internal_error(Code::internal, "cannot read the file of a response"));
    }
  }
  std::optional<ByteRange> range;
  if (file) range = choose_range(context, response, file->size(), framing);
  if (!range) file.reset();
  if (outgoing.head.empty())
    write_head(context, outgoing, framing, range ? range->size : response.body.size());
  const bool has_bytes = sends_body(outgoing, framing);

  const auto head = std::string_view(outgoing.head).substr(std::min(outgoing.sent, outgoing.head.size()));
  auto bytes = has_bytes && !file ? std::string_view(response.body) : std::string_view();
  bytes.remove_prefix(outgoing.sent - (outgoing.head.size() - head.size()));
  if (!head.empty()) {
    const auto first = bytes.substr(0, send_piece);
    bytes.remove_prefix(first.size());
    const std::array<asio::const_buffer, 2> start{asio::buffer(head), asio::buffer(first)};
    connection.expires_after(context.options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.stream, start, as_result);
    if (error) co_return false;
  }
  bool whole = co_await send_bytes(context, connection, bytes);
  if (has_bytes && file) whole = co_await send_file(context, connection, *file, *range);
  if (has_bytes && response.stream)
    whole = co_await send_stream(context, connection, response.stream, framing.chunks);
  co_return whole&& outgoing.keep_alive;
}

asio::awaitable<bool> send_bytes(const SessionContext& context, Connection& connection,
                                 std::string_view bytes) {
  while (!bytes.empty()) {
    const auto next = asio::buffer(bytes.data(), std::min(bytes.size(), send_piece));
    connection.expires_after(context.options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.stream, next, as_result);
    if (error) co_return false;
    bytes.remove_prefix(count);
  }
  co_return true;
}

}  // namespace sluice::net
