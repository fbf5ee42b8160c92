#include "sluice/net/server.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <type_traits>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/net/event_loop.hpp"
#include "sluice/net/listen.hpp"
#include "sluice/net/peer.hpp"
#include "sluice/net/session.hpp"
#include "sluice/os/socket.hpp"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

/// Each connection is a file; the usual soft limit is 1,024.
void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The address of an end of a connection; an unspecified one for a Unix socket.
asio::ip::address ip_of(const Socket::endpoint_type& end) {
  if (end.protocol().family() == AF_UNIX) return {};
  tcp::endpoint ip;
  ip.resize(end.size());
  std::memcpy(ip.data(), end.data(), end.size());
  return ip.address();
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
  std::string url_from_elsewhere;
  std::optional<Gate> gate;
  std::optional<SessionContext> context;
  bool kernel_tells_users = false;  ///< whose a connection over loopback is

  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> connections{0};
  std::mutex mutex;  ///< for `none_left`
  std::condition_variable none_left;

  std::unique_ptr<asio::thread_pool> workers;
  // Frames of suspended connections live in the loops and use the members above.
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::unique_ptr<Certificate> certificate;  ///< null: plain HTTP; used on the first loop
  // Both on the first loop.
  std::unique_ptr<tcp::acceptor> acceptor;
  std::unique_ptr<local::acceptor> local_acceptor;  ///< null: there is no Unix socket
  std::size_t turn = 0;                             ///< of the loops; used on the first

  Result<void> start();
  Result<void> bind();
  Result<void> bind_local();
  void stop();

  [[nodiscard]] bool is_owner(Connection& connection, bool is_local) const;
  template <typename Acceptor>
  asio::awaitable<void> accept(Acceptor& from);
  [[nodiscard]] bool is_full(Socket& socket) const;
  asio::awaitable<void> serve(EventLoop& loop, Socket socket, Certificate::Context tls);
};

Result<void> HttpServer::Impl::start() {
  SLUICE_TRY(parsed, parse_listen(options.listen));
  address = std::move(parsed);
  const bool has_callers = options.callers != nullptr && options.callers->any();
  SLUICE_DO(check_exposure(
      address,
      {.has_token = has_callers, .has_tls = options.tls.has_value(), .allow_plain = options.allow_plain}));
  if (options.tls) {
    SLUICE_TRY(loaded, Certificate::load(options.tls->certificate, options.tls->key));
    certificate = std::move(loaded);
  }
  SLUICE_TRY(router, Router::make(std::move(protocols)));
  raise_open_files();
  const auto tells = check_user_of_peer();
  kernel_tells_users = tells.has_value();
  if (!tells)
    log::warning(tells.error().message + (has_callers ? "; its owner needs the token too"
                                                      : "; every user of this machine counts as its owner"));
  const auto sweep = std::clamp(std::min(options.read_timeout, options.idle_timeout) / 4, Milliseconds(10),
                                Milliseconds(1000));
  for (std::size_t i = 0; i < std::max<std::size_t>(options.io_threads, 1); ++i)
    loops.push_back(std::make_unique<EventLoop>(sweep, clock));
  SLUICE_DO(bind());
  if (!options.socket.empty()) SLUICE_DO(bind_local());

  const std::string ip = address.host == "0.0.0.0" ? "127.0.0.1"
                         : address.host == "::"    ? "::1"
                                                   : address.host;
  const std::string scheme = certificate ? "https://" : "http://";
  url = scheme + print({.host = ip, .port = address.port});
  if (const auto reached = own_address(address.host); !address.loopback && !reached.empty())
    url_from_elsewhere = scheme + print({.host = reached, .port = address.port});
  gate.emplace(std::move(router),
               Guard({.url = url, .allowed_hosts = options.allowed_hosts, .callers = options.callers}));
  workers = std::make_unique<asio::thread_pool>(options.worker_threads);
  context.emplace(SessionContext{.options = options,
                                 .gate = *gate,
                                 .clock = clock,
                                 .body_memory = body_memory,
                                 .workers = *workers,
                                 .stopping = stopping});
  asio::co_spawn(loops.front()->context(), accept(*acceptor), asio::detached);
  if (local_acceptor) asio::co_spawn(loops.front()->context(), accept(*local_acceptor), asio::detached);
  for (const auto& loop : loops) loop->start();
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
  acceptor = std::make_unique<tcp::acceptor>(loops.front()->context());
  if (acceptor->open(endpoint.protocol(), error); error) return failed(error);
  if (acceptor->set_option(asio::socket_base::reuse_address(true), error); error) return failed(error);
  if (acceptor->bind(endpoint, error); error) return failed(error);
  if (acceptor->listen(4096, error); error) return failed(error);
  address.port = acceptor->local_endpoint(error).port();
  return {};
}

Result<void> HttpServer::Impl::bind_local() {
  SLUICE_TRY(socket, os::listen_unix(options.socket));
  local_acceptor = std::make_unique<local::acceptor>(loops.front()->context());
  boost::system::error_code error;
  local_acceptor->assign(local(), socket.get(), error);
  if (error)
    return Fail(environment_error(Code::unavailable,
                                  "cannot listen on " + options.socket.string() + ": " + error.message()));
  static_cast<void>(socket.release());
  return {};
}

void HttpServer::Impl::stop() {
  if (!workers || stopping.exchange(true)) return;  // never started, or stopped
  asio::post(acceptor->get_executor(), [this] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
    if (local_acceptor) local_acceptor->close(ignored);
  });
  for (const auto& loop : loops)
    asio::post(loop->context(), [&loop = *loop] {
      loop.each([](Connection& connection) {
        if (!connection.busy || connection.streaming) connection.close();
      });
    });
  {
    std::unique_lock lock(mutex);
    none_left.wait_for(lock, options.stop_grace, [this] { return connections == 0; });
  }
  for (const auto& loop : loops) loop->stop();
  workers->stop();
  workers->join();
  acceptor.reset();
  local_acceptor.reset();
  loops.clear();  // destroys the frames of the remaining connections
}

template <typename Acceptor>
asio::awaitable<void> HttpServer::Impl::accept(Acceptor& from) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  while (!stopping) {
    auto& loop = *loops[turn++ % loops.size()];
    auto [error, accepted] = co_await from.async_accept(loop.context(), as_result);
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (error) {
      // Out of descriptors or memory: wait until some connection ends.
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(as_result);
      continue;
    }
    constexpr bool is_local = std::is_same_v<Acceptor, local::acceptor>;
    boost::system::error_code ignored;
    if constexpr (!is_local) accepted.set_option(tcp::no_delay(true), ignored);
    accepted.non_blocking(true, ignored);
    Socket socket(std::move(accepted));
    if (is_full(socket)) continue;
    ++connections;
    auto served = serve(loop, std::move(socket),
                        certificate && !is_local ? certificate->current() : Certificate::Context());
    asio::co_spawn(loop.context(), std::move(served), asio::detached);
  }
}

/// Whether there are as many connections as there may be; the new one is told so.
bool HttpServer::Impl::is_full(Socket& socket) const {
  if (connections < options.connections_max) return false;
  constexpr std::string_view busy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: "
      "close\r\n\r\n";
  boost::system::error_code ignored;
  if (!certificate) socket.send(asio::buffer(busy), 0, ignored);
  return true;
}

/// Where the kernel does not say whose a connection is, everybody on this machine counts as the owner, unless
/// there is a token; that is logged at the start.
bool HttpServer::Impl::is_owner(Connection& connection, bool is_local) const {
  const int socket = connection.socket().native_handle();
  if (is_local) {
    const auto user = os::peer_user(socket);
    return user && *user == ::geteuid();
  }
  boost::system::error_code ignored;
  if (!kernel_tells_users)
    return (options.callers == nullptr || !options.callers->any()) &&
           ip_of(connection.socket().remote_endpoint(ignored)).is_loopback();
  const auto user = user_of_peer(socket);
  return user && *user == ::geteuid();
}

asio::awaitable<void> HttpServer::Impl::serve(EventLoop& loop, Socket socket, Certificate::Context tls) {
  Connection connection(std::move(socket), clock);
  connection.certificate = std::move(tls);
  // Also unregistered if the frame is destroyed unfinished, with its loop.
  struct Registered {
    Impl& impl;
    EventLoop& loop;
    Connection& connection;
    ~Registered() {
      loop.remove(connection);
      if (--impl.connections > 0) return;
      const std::lock_guard lock(impl.mutex);
      impl.none_left.notify_all();
    }
  } const registered{*this, loop, connection};
  loop.add(connection);
  boost::system::error_code ignored;
  const auto here = connection.socket().local_endpoint(ignored);
  connection.source.is_owner = is_owner(connection, here.protocol().family() == AF_UNIX);
  connection.source.local_ip = canonical_ip(ip_of(here).to_string());
  co_await serve_requests(*context, connection);
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

std::string HttpServer::url_from_elsewhere() const { return impl_->url_from_elsewhere; }

std::size_t HttpServer::connections() const { return impl_->connections; }

}  // namespace sluice::net
