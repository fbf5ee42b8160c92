#include "sluice/net/answer.hpp"

#include <algorithm>
#include <array>
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
  connection.socket.async_wait(
      tcp::socket::wait_read, [wake = waiting.wake, &connection](const boost::system::error_code& error) {
        if (wake->over) return;
        char byte = 0;
        const auto native = connection.socket.native_handle();
        wake->client_gone = error || ::recv(native, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
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
    std::move_only_function<void(std::move_only_function<void(ports::Stream::Piece)>)> pull =
        [source](std::move_only_function<void(ports::Stream::Piece)> done) {
          try {
            source->next(std::move(done));
          } catch (const std::exception& problem) {
            log::error(std::string("a streamed answer is cut off: ") + problem.what());
          }
        };
    const auto got = co_await from_worker<ports::Stream::Piece>(context.workers, waiting, std::move(pull));
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

asio::awaitable<bool> send_answer(const SessionContext& context, Connection& connection,
                                  ports::Response response, const Framing& framing) {
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
  const bool keep_alive = framing.keep_alive && !context.stopping;
  const bool in_chunks = response.stream && framing.chunks;
  const bool lasts = keep_alive && (!response.stream || in_chunks);
  const BodyEnd end{.length = response.stream ? std::nullopt
                              : file          ? std::optional(file->size())
                                              : std::optional<std::uint64_t>(response.body.size()),
                    .chunked = in_chunks};
  const std::string head = response_head(response, end, lasts, context.clock.now());
  const bool head_only = framing.head_only || !has_body(response.status);

  connection.expires_after(context.options.read_timeout);
  const std::size_t first = head_only || file ? 0 : std::min(response.body.size(), answer_piece);
  const std::array<asio::const_buffer, 2> start{asio::buffer(head),
                                                asio::buffer(response.body.data(), first)};
  const auto [error, count] = co_await asio::async_write(connection.socket, start, as_result);
  if (error) co_return false;
  bool whole = true;
  if (!head_only && file) whole = co_await send_file(context, connection, *file);
  if (!head_only && response.stream)
    whole = co_await send_stream(context, connection, response.stream, in_chunks);
  if (!head_only && !file && !response.stream)
    whole = co_await send_bytes(context, connection, std::string_view(response.body).substr(first));
  co_return whole&& lasts;
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
