#include "sluice/net/answer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>

#include <boost/asio/write.hpp>
#include <sys/socket.h>

#include "sluice/base/log.hpp"
#include "sluice/net/hand_over.hpp"
#include "sluice/net/head.hpp"
#include "sluice/net/sent_file.hpp"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::size_t answer_piece = std::size_t{256} << 10;  ///< of a body that is sent

bool sends_body(const Answer& answer, const Framing& framing) {
  return !framing.head_only && has_body(answer.response.status);
}

/// `length`: of what is not a stream.
void write_head(const SessionContext& context, Answer& answer, const Framing& framing, std::uint64_t length) {
  const bool streams = answer.response.stream != nullptr;
  const bool in_chunks = streams && framing.chunks;
  answer.lasts = framing.keep_alive && !context.stopping && (!streams || in_chunks);
  const BodyEnd end{.length = streams ? std::nullopt : std::optional(length), .chunked = in_chunks};
  answer.head = response_head(answer.response, end, answer.lasts, context.clock.now());
}

asio::awaitable<bool> send_file(const SessionContext& context, Connection& connection, SentFile& file) {
  std::string chunk(std::min<std::uint64_t>(answer_piece, file.size()), '\0');
  for (std::uint64_t sent = 0; sent < file.size();) {
    const auto got =
        file.read(sent, std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), file.size() - sent)));
    if (got == 0) co_return false;  // shorter than promised: closing tells the client
    const std::string_view bytes(chunk.data(), got);
    if (!co_await send_bytes(context, connection, bytes)) co_return false;
    sent += got;
  }
  co_return true;
}

/// Pulls pieces and sends them until the stream ends, the client goes away or stops reading, or the server
/// ends. True: sent whole.
asio::awaitable<bool> send_stream(const SessionContext& context, Connection& connection,
                                  std::shared_ptr<ports::Stream> source, bool chunked) {
  Waiting waiting(connection.socket.get_executor());
  const auto& wake = waiting.wake;
  // A client has nothing to send now: what can be read is its end, or its next request, which waits.
  connection.socket.async_wait(tcp::socket::wait_read,
                               [wake = waiting.wake, &connection](const boost::system::error_code& error) {
                                 if (wake->over) return;
                                 char byte = 0;
                                 const auto native = connection.socket.native_handle();
                                 const auto seen = ::recv(native, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                                 // A client that closes before it has read everything resets the connection.
                                 const bool reset = seen < 0 && errno != EAGAIN && errno != EINTR;
                                 wake->client_gone = error || seen == 0 || reset;
                                 if (wake->client_gone) wake->timer.cancel();
                               });
  struct Over {
    Connection& connection;
    Wake& wake;
    ~Over() {
      boost::system::error_code ignored;
      connection.streaming = false;
      wake.over = true;
      if (connection.socket.is_open()) connection.socket.cancel(ignored);
    }
  } const over{connection, *wake};

  connection.streaming = true;
  while (!context.stopping && !wake->client_gone) {
    connection.expires_never();
    Work<ports::Stream::Piece> pull = [source](std::move_only_function<void(ports::Stream::Piece)> done) {
      try {
        source->next(std::move(done));
      } catch (const std::exception& problem) {
        log::error(std::string("a streamed answer is cut off: ") + problem.what());
      }
    };
    const auto got = co_await handed_over<ports::Stream::Piece>(&context.workers, waiting, std::move(pull));
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
    const auto [error, count] = co_await asio::async_write(connection.socket, chunk, as_result);
    if (error) co_return false;
    if (ends) co_return true;
  }
  co_return false;
}

}  // namespace

void begin_answer(const SessionContext& context, int socket, Answer& answer, const Framing& framing) {
  auto& response = answer.response;
  if (!response.body_file.empty() || response.stream || response.body.size() > answer_piece) return;
  write_head(context, answer, framing, response.body.size());
  std::array<iovec, 2> parts{{{.iov_base = answer.head.data(), .iov_len = answer.head.size()},
                              {.iov_base = response.body.data(), .iov_len = response.body.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = sends_body(answer, framing) ? 2 : 1;
  const auto sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // What is wrong with the socket, the connection's thread finds as it goes on.
  if (sent > 0) answer.sent = static_cast<std::size_t>(sent);
}

asio::awaitable<bool> send_answer(const SessionContext& context, Connection& connection, Answer answer,
                                  const Framing& framing) {
  auto& response = answer.response;
  std::optional<SentFile> file;
  if (!response.body_file.empty()) {
    file.emplace(response.body_file);
    if (file->failed()) {
      log::error("cannot open " + response.body_file.string() + " to send it");
      file.reset();
      response = context.gate.error({}, Error{.code = Code::internal,
                                              .message = "a file that should be sent cannot be read",
                                              .blame = Blame::sluice});
    }
  }
  if (answer.head.empty()) write_head(context, answer, framing, file ? file->size() : response.body.size());
  const bool has_bytes = sends_body(answer, framing);

  const auto head = std::string_view(answer.head).substr(std::min(answer.sent, answer.head.size()));
  auto bytes = has_bytes && !file ? std::string_view(response.body) : std::string_view();
  bytes.remove_prefix(answer.sent - (answer.head.size() - head.size()));
  if (!head.empty()) {
    const auto first = bytes.substr(0, answer_piece);
    bytes.remove_prefix(first.size());
    const std::array<asio::const_buffer, 2> start{asio::buffer(head), asio::buffer(first)};
    connection.expires_after(context.options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.socket, start, as_result);
    if (error) co_return false;
  }
  bool whole = co_await send_bytes(context, connection, bytes);
  if (has_bytes && file) whole = co_await send_file(context, connection, *file);
  if (has_bytes && response.stream)
    whole = co_await send_stream(context, connection, response.stream, framing.chunks);
  co_return whole&& answer.lasts;
}

asio::awaitable<bool> send_bytes(const SessionContext& context, Connection& connection,
                                 std::string_view bytes) {
  while (!bytes.empty()) {
    const auto next = asio::buffer(bytes.data(), std::min(bytes.size(), answer_piece));
    connection.expires_after(context.options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.socket, next, as_result);
    if (error) co_return false;
    bytes.remove_prefix(count);
  }
  co_return true;
}

}  // namespace sluice::net
