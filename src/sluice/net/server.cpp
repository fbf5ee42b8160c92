#include "sluice/net/server.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_map>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sluice/base/log.hpp"
#include "sluice/net/body.hpp"
#include "sluice/net/gate.hpp"
#include "sluice/net/head.hpp"
#include "sluice/net/later.hpp"
#include "sluice/net/listen.hpp"
#include "sluice/net/sent_file.hpp"
#include "sluice/net/text.hpp"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using Parser = http::request_parser<http::buffer_body>;

constexpr std::size_t piece = std::size_t{64} << 10;          ///< of a body that is read
constexpr std::size_t answer_piece = std::size_t{256} << 10;  ///< of a body that is sent
constexpr std::size_t discard_max = std::size_t{64}
                                    << 10;  ///< of an unwanted body that is read to keep the connection
constexpr std::size_t linger_max = std::size_t{8} << 20;  ///< of an unwanted body that is read before closing

/// One accepted socket. Touched on its strand only.
struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  std::string local_ip;
  bool busy = false;       ///< between a request's first byte and its answer's last
  bool streaming = false;  ///< busy with a body that has no end in sight
};

/// Wakes a coroutine that waits for other threads or for its client. Touched on the connection's strand only;
/// shared, as what it waits for may come after the coroutine has gone.
struct Wake {
  explicit Wake(const asio::any_io_executor& strand) : timer(strand, asio::steady_timer::time_point::max()) {}
  asio::steady_timer timer;
  bool client_gone = false;
  bool over = false;  ///< the coroutine has gone on, and its connection may be no more
};

/// What a request's head asks for besides its route.
struct Framing {
  bool keep_alive = false;
  bool head_only = false;  ///< HEAD
  bool has_body = false;
  bool expects_continue = false;
  bool chunks = false;  ///< may be answered in chunks, which HTTP/1.0 does not know
};

Error malformed(std::string_view why) {
  return user_error(Code::invalid_argument, "this is not HTTP/1.1 as it should be: " + std::string(why));
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
    head.headers.emplace_back(lower(field.name_string()), std::string(field.value()));
  return head;
}

Framing framing_of(const Parser& parser, const RequestHead& head) {
  const auto& message = parser.get();
  return {.keep_alive = message.keep_alive(),
          .head_only = head.method == "HEAD",
          .has_body = head.chunked || head.content_length.value_or(0) > 0,
          .expects_continue = !head.version_1_0 && lower(message[http::field::expect]) == "100-continue",
          .chunks = !head.version_1_0};
}

/// Each connection is a file; the usual soft limit is 1,024.
void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct HttpServer::Impl {
  Impl(Options o, std::vector<ports::Protocol> p, const Clock& c)
      : options(std::move(o)), body_memory(options.bodies_max), protocols(std::move(p)), clock(c) {}

  Options options;
  BodyMemory body_memory;
  std::vector<ports::Protocol> protocols;
  const Clock& clock;
  ListenAddress address;
  std::string url;
  std::optional<Gate> gate;

  std::atomic<bool> stopping{false};
  std::mutex mutex;  ///< guards `connections`; all below may end while it is held by nobody
  std::condition_variable ended;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;

  // Frames of suspended connections live in the io_context and refer to all above.
  std::unique_ptr<asio::io_context> io;
  std::unique_ptr<asio::thread_pool> workers;
  std::unique_ptr<tcp::acceptor> acceptor;
  std::vector<std::thread> threads;

  Result<void> start();
  Result<void> bind();
  void stop();

  asio::awaitable<void> accept();
  asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  asio::awaitable<bool> wait_for_request(Connection& connection);
  asio::awaitable<bool> answer_one(Connection& connection);
  asio::awaitable<Result<void>> read_body(Connection& connection, Parser& parser, Body& body,
                                          const Framing& framing);
  asio::awaitable<bool> discard_body(Connection& connection, Parser& parser);
  template <typename T>
  asio::awaitable<std::optional<T>> from_worker(
      std::shared_ptr<Wake> wake, std::move_only_function<void(std::move_only_function<void(T)>)> work);
  asio::awaitable<ports::Response> ask(Connection& connection, Admission& admission);
  asio::awaitable<bool> send(Connection& connection, ports::Response response, const Framing& framing);
  asio::awaitable<bool> send_pieces(Connection& connection, std::string_view bytes);
  asio::awaitable<bool> send_file(Connection& connection, SentFile& file);
  asio::awaitable<bool> send_stream(Connection& connection, std::shared_ptr<ports::Stream> source,
                                    bool chunked);
  asio::awaitable<void> linger(Connection& connection);
};

// Named, so that no coroutine awaits with a temporary: some compilers free those twice.
namespace {
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
}

Result<void> HttpServer::Impl::start() {
  SLUICE_TRY(parsed, parse_listen(options.listen));
  address = std::move(parsed);
  if (options.token && options.token->empty())
    return Fail(user_error(Code::invalid_argument,
                           "the token is empty; put a long random word into the `--token-file`"));
  SLUICE_DO(check_exposure(address, options.token.has_value()));
  SLUICE_TRY(router, Router::make(std::move(protocols)));
  raise_open_files();
  io = std::make_unique<asio::io_context>(static_cast<int>(options.io_threads));
  SLUICE_DO(bind());

  const std::string ip = address.host == "0.0.0.0" ? "127.0.0.1"
                         : address.host == "::"    ? "::1"
                                                   : address.host;
  url = "http://" + print({.host = ip, .port = address.port, .loopback = address.loopback});
  gate.emplace(std::move(router),
               Guard({.url = url, .allowed_hosts = options.allowed_hosts, .token = options.token}));
  workers = std::make_unique<asio::thread_pool>(options.worker_threads);
  asio::co_spawn(*io, accept(), asio::detached);
  for (std::size_t i = 0; i < options.io_threads; ++i) threads.emplace_back([this] { io->run(); });
  return {};
}

Result<void> HttpServer::Impl::bind() {
  const auto failed = [this](const boost::system::error_code& error) {
    const bool taken = error == asio::error::address_in_use;
    return Fail(environment_error(
        taken ? Code::already_exists : Code::unavailable,
        "cannot listen on " + print(address) + ": " + (taken ? "address already in use" : error.message()) +
            "; is another `sluice up` running? `--listen 127.0.0.1:0` picks a free port"));
  };
  boost::system::error_code error;
  const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
  acceptor = std::make_unique<tcp::acceptor>(asio::make_strand(*io));
  if (acceptor->open(endpoint.protocol(), error); error) return failed(error);
  if (acceptor->set_option(asio::socket_base::reuse_address(true), error); error) return failed(error);
  if (acceptor->bind(endpoint, error); error) return failed(error);
  if (acceptor->listen(4096, error); error) return failed(error);
  address.port = acceptor->local_endpoint(error).port();
  return {};
}

void HttpServer::Impl::stop() {
  if (!workers || stopping.exchange(true)) return;  // never started, or stopped
  asio::post(acceptor->get_executor(), [this] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  });
  {
    std::unique_lock lock(mutex);
    for (const auto& [key, weak] : connections)
      if (const auto connection = weak.lock())
        asio::post(connection->stream.get_executor(), [connection] {
          if (!connection->busy || connection->streaming) connection->stream.close();
        });
    ended.wait_for(lock, options.stop_grace, [this] { return connections.empty(); });
  }
  io->stop();
  for (auto& thread : threads) thread.join();
  threads.clear();
  workers->stop();
  workers->join();
  acceptor.reset();
  io.reset();  // ends the frames of connections that are still there
  workers.reset();
}

asio::awaitable<void> HttpServer::Impl::accept() {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  while (!stopping) {
    const auto strand = asio::make_strand(*io);
    auto [error, socket] = co_await acceptor->async_accept(strand, as_result);
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (error) {
      // No descriptor or memory left: some connection will end.
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(as_result);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto local = socket.local_endpoint(ignored);
    auto connection = std::make_shared<Connection>(std::move(socket));
    connection->local_ip = canonical_ip(local.address().to_string());
    {
      const std::lock_guard lock(mutex);
      if (connections.size() >= options.connections_max) {
        constexpr std::string_view busy =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: "
            "close\r\n\r\n";
        connection->stream.socket().non_blocking(true, ignored);
        connection->stream.socket().send(asio::buffer(busy), 0, ignored);
        continue;
      }
      connections.emplace(connection.get(), connection);
    }
    auto served = serve(std::move(connection));
    asio::co_spawn(strand, std::move(served), asio::detached);
  }
}

asio::awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Connection> connection) {
  // Also runs where the frame is dropped unfinished, with the io_context.
  struct Registered {
    Impl& impl;
    Connection* key;
    ~Registered() {
      const std::lock_guard lock(impl.mutex);
      impl.connections.erase(key);
      impl.ended.notify_all();
    }
  } const registered{*this, connection.get()};

  try {
    while (!stopping && co_await wait_for_request(*connection)) {
      connection->busy = true;
      const bool again = co_await answer_one(*connection);
      connection->busy = false;
      if (!again) break;
    }
  } catch (const std::exception& problem) {
    log::error(std::string("a connection ended by surprise: ") + problem.what());
  }
  boost::system::error_code ignored;
  connection->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

/// Waits for a request's first byte, holding as little memory as may be.
asio::awaitable<bool> HttpServer::Impl::wait_for_request(Connection& connection) {
  if (connection.buffer.size() > 0) co_return true;
  connection.buffer.shrink_to_fit();
  connection.stream.expires_after(options.idle_timeout);
  const auto space = connection.buffer.prepare(1024);
  const auto [error, count] = co_await connection.stream.async_read_some(space, as_result);
  if (error) co_return false;
  connection.buffer.commit(count);
  co_return true;
}

/// Reads one request and answers it. True: the connection is good for another.
asio::awaitable<bool> HttpServer::Impl::answer_one(Connection& connection) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(options.head_max));
  parser.body_limit(boost::none);  // ours knows the route
  connection.stream.expires_after(options.read_timeout);
  const auto [error, count] =
      co_await http::async_read_header(connection.stream, connection.buffer, parser, as_result);
  if (error) {
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error.category() != http::make_error_code(http::error::bad_method).category())
      co_return false;
    const bool too_long = error == http::error::header_limit;
    const Error problem =
        too_long ? user_error(Code::too_large, "the request's head is larger than " +
                                                   std::to_string(options.head_max >> 10) + " KiB")
                 : malformed(error.message());
    ports::Response response = gate->error({}, problem);
    if (too_long) response.status = 431;
    const Framing closing{};
    co_await send(connection, std::move(response), closing);
    co_await linger(connection);
    co_return false;
  }

  RequestHead head = head_of(parser);
  Framing framing = framing_of(parser, head);
  const bool odd_encoding = !head.chunked && parser.get().count(http::field::transfer_encoding) > 0;
  auto admission = gate->admit(std::move(head), connection.local_ip);
  if (odd_encoding)  // where the body ends would be a guess, and two guesses make two requests
    admission =
        std::unexpected(gate->error({}, malformed("the only transfer coding that is taken is `chunked`")));
  if (!admission) {
    bool clean = !odd_encoding && !framing.has_body;
    if (framing.has_body && !odd_encoding && !framing.expects_continue)
      clean = co_await discard_body(connection, parser);
    framing.keep_alive = framing.keep_alive && clean;
    const bool sent = co_await send(connection, std::move(admission.error()), framing);
    if (sent && !clean) co_await linger(connection);
    co_return sent&& framing.keep_alive;
  }

  Body body(*admission->route, options.scratch, body_memory);
  Result<void> taken;
  if (framing.has_body) taken = co_await read_body(connection, parser, body, framing);
  if (taken) taken = body.give_to(admission->request);
  if (!taken && taken.error().code == Code::cancelled) co_return false;
  if (!taken) {
    body.drop();  // lingering takes a while
    framing.keep_alive = false;
    ports::Response response = gate->error(*admission, taken.error());
    const bool sent = co_await send(connection, std::move(response), framing);
    if (sent) co_await linger(connection);
    co_return false;
  }
  ports::Response response = co_await ask(connection, *admission);
  co_return co_await send(connection, std::move(response), framing);
}

/// Code::cancelled: the client went away, or was too slow.
asio::awaitable<Result<void>> HttpServer::Impl::read_body(Connection& connection, Parser& parser, Body& body,
                                                          const Framing& framing) {
  if (framing.expects_continue && connection.buffer.size() == 0) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!co_await send_pieces(connection, go_on))
      co_return Fail(user_error(Code::cancelled, "the client went away"));
  }
  const auto length = parser.content_length();
  std::string chunk(length ? std::min<std::size_t>(*length, piece) : piece, '\0');
  connection.buffer.reserve(chunk.size());  // a read is as long as the room that it finds here
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    connection.stream.expires_after(options.read_timeout);
    const auto [error, count] =
        co_await http::async_read_some(connection.stream, connection.buffer, parser, as_result);
    if (error && error != http::error::need_buffer) {
      if (error.category() == http::make_error_code(http::error::bad_method).category() &&
          error != http::error::partial_message && error != http::error::end_of_stream)
        co_return Fail(malformed(error.message()));
      co_return Fail(user_error(Code::cancelled, "the client went away"));
    }
    const std::string_view got(chunk.data(), chunk.size() - parser.get().body().size);
    if (auto added = body.add(got); !added) co_return added;
  }
  co_return Result<void>{};
}

/// Reads an unwanted body if it is small. True: it is gone.
asio::awaitable<bool> HttpServer::Impl::discard_body(Connection& connection, Parser& parser) {
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

/// Has a worker do the work, and waits for what that hands over. Nothing: it never will, or the client has
/// gone.
template <typename T>
asio::awaitable<std::optional<T>> HttpServer::Impl::from_worker(
    std::shared_ptr<Wake> wake, std::move_only_function<void(std::move_only_function<void(T)>)> work) {
  // By way of the strand: the cancel must not come before the wait.
  const auto later = std::make_shared<Later<T>>([wake](std::shared_ptr<Later<T>> settled) {
    asio::post(wake->timer.get_executor(), [wake, settled = std::move(settled)] {
      if (!settled->closed()) wake->timer.cancel();
    });
  });
  struct Closing {
    Later<T>& later;
    ~Closing() { later.close(); }
  } const closing{*later};
  asio::post(*workers,
             [work = std::move(work), taker = later->taker()]() mutable { work(std::move(taker)); });
  while (!later->settled() && !wake->client_gone) co_await wake->timer.async_wait(as_result);
  co_return later->take();
}

/// Has a worker call the handler, and waits for its answer.
asio::awaitable<ports::Response> HttpServer::Impl::ask(Connection& connection, Admission& admission) {
  connection.stream.expires_never();
  const auto wake = std::make_shared<Wake>(connection.stream.get_executor());
  std::move_only_function<void(ports::Responder)> call =
      [request = std::move(admission.request), route = admission.route](ports::Responder responder) mutable {
        try {
          route->handler(std::move(request), std::move(responder));
        } catch (const std::exception& problem) {
          log::error("the handler of " + route->method + " " + route->pattern + " threw: " + problem.what());
        }
      };
  auto response = co_await from_worker<ports::Response>(wake, std::move(call));
  if (response) co_return std::move(*response);
  co_return gate->error(
      admission,
      Error{.code = Code::internal,
            .message = "this request was never answered, which is a bug; the server's log may say why",
            .blame = Blame::sluice});
}

/// True: sent whole, and the connection may be used again.
asio::awaitable<bool> HttpServer::Impl::send(Connection& connection, ports::Response response,
                                             const Framing& framing) {
  std::optional<SentFile> file;
  if (!response.body_file.empty()) {
    file.emplace(response.body_file);
    if (file->failed()) {
      log::error("cannot open " + response.body_file.string() + " to send it");
      file.reset();
      response = gate->error({}, Error{.code = Code::internal,
                                       .message = "a file that should be sent cannot be read",
                                       .blame = Blame::sluice});
    }
  }
  const bool keep_alive = framing.keep_alive && !stopping;
  const bool in_chunks = response.stream && framing.chunks;
  const bool lasts = keep_alive && (!response.stream || in_chunks);
  const BodyEnd end{.length = response.stream ? std::nullopt
                              : file          ? std::optional(file->size())
                                              : std::optional<std::uint64_t>(response.body.size()),
                    .chunked = in_chunks};
  const std::string head = response_head(response, end, lasts, clock.now());
  const bool head_only = framing.head_only || !has_body(response.status);

  connection.stream.expires_after(options.read_timeout);
  const std::size_t first = head_only || file ? 0 : std::min(response.body.size(), answer_piece);
  const std::array<asio::const_buffer, 2> start{asio::buffer(head),
                                                asio::buffer(response.body.data(), first)};
  const auto [error, count] = co_await asio::async_write(connection.stream, start, as_result);
  if (error) co_return false;
  bool whole = true;
  if (!head_only && file) whole = co_await send_file(connection, *file);
  if (!head_only && response.stream) whole = co_await send_stream(connection, response.stream, in_chunks);
  if (!head_only && !file && !response.stream)
    whole = co_await send_pieces(connection, std::string_view(response.body).substr(first));
  co_return whole&& lasts;
}

asio::awaitable<bool> HttpServer::Impl::send_pieces(Connection& connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto next = asio::buffer(bytes.data(), std::min(bytes.size(), answer_piece));
    connection.stream.expires_after(options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.stream, next, as_result);
    if (error) co_return false;
    bytes.remove_prefix(count);
  }
  co_return true;
}

asio::awaitable<bool> HttpServer::Impl::send_file(Connection& connection, SentFile& file) {
  std::string chunk(std::min<std::uint64_t>(answer_piece, file.size()), '\0');
  for (std::uint64_t sent = 0; sent < file.size();) {
    const auto got =
        file.read(sent, std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), file.size() - sent)));
    if (got == 0) co_return false;  // shorter than promised: closing tells the client
    const std::string_view bytes(chunk.data(), got);
    if (!co_await send_pieces(connection, bytes)) co_return false;
    sent += got;
  }
  co_return true;
}

/// Pulls pieces and sends them until the stream ends, the client goes away or stops reading, or the server
/// ends. True: sent whole.
asio::awaitable<bool> HttpServer::Impl::send_stream(Connection& connection,
                                                    std::shared_ptr<ports::Stream> source, bool chunked) {
  const auto wake = std::make_shared<Wake>(connection.stream.get_executor());
  // A client has nothing to send now: what can be read is its end, or its next request, which waits.
  connection.stream.socket().async_wait(
      tcp::socket::wait_read, [wake, &connection](const boost::system::error_code& error) {
        if (wake->over) return;
        char byte = 0;
        const auto native = connection.stream.socket().native_handle();
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
      if (connection.stream.socket().is_open()) connection.stream.socket().cancel(ignored);
    }
  } const over{connection, *wake};

  connection.streaming = true;
  while (!stopping && !wake->client_gone) {
    connection.stream.expires_never();
    std::move_only_function<void(std::move_only_function<void(ports::Stream::Piece)>)> pull =
        [source](std::move_only_function<void(ports::Stream::Piece)> done) {
          try {
            source->next(std::move(done));
          } catch (const std::exception& problem) {
            log::error(std::string("a streamed answer is cut off: ") + problem.what());
          }
        };
    const auto got = co_await from_worker<ports::Stream::Piece>(wake, std::move(pull));
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
    connection.stream.expires_after(options.read_timeout);
    const auto [error, count] = co_await asio::async_write(connection.stream, chunk, as_result);
    if (error) co_return false;
    if (ends) co_return true;
  }
  co_return false;
}

/// Lets a client that is still sending read our answer: closing at once would reset the connection under it.
asio::awaitable<void> HttpServer::Impl::linger(Connection& connection) {
  boost::system::error_code ignored;
  connection.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  std::string chunk(piece, '\0');
  connection.stream.expires_after(std::chrono::seconds(5));
  for (std::size_t total = 0; total < linger_max;) {
    const auto space = asio::buffer(chunk);
    const auto [error, count] = co_await connection.stream.async_read_some(space, as_result);
    if (error) co_return;
    total += count;
  }
}

HttpServer::HttpServer(Options options, std::vector<ports::Protocol> protocols, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(protocols), clock)) {}

HttpServer::~HttpServer() { impl_->stop(); }

Result<void> HttpServer::start() {
  try {
    return impl_->start();
  } catch (const std::exception& problem) {
    return Fail(
        environment_error(Code::exhausted, std::string("cannot start the HTTP server: ") + problem.what()));
  }
}

void HttpServer::stop() { impl_->stop(); }
std::uint16_t HttpServer::port() const { return impl_->address.port; }
std::string HttpServer::url() const { return impl_->url; }

std::size_t HttpServer::connections() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->connections.size();
}

}  // namespace sluice::net
