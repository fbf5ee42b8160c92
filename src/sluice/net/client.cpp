#include "sluice/net/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/certificate.hpp"
#include "sluice/net/connection.hpp"
#include "sluice/net/maybe_tls.hpp"
#include "sluice/net/sent_file.hpp"
#include "sluice/os/socket.hpp"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using Parser = http::response_parser<http::buffer_body>;
using TimedStream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr std::size_t first_read = std::size_t{16} << 10;  ///< enough for a small response in one read
constexpr std::size_t piece = std::size_t{256} << 10;      ///< the most bytes per read or write

struct File {
  explicit File(int d) : descriptor(d) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  int descriptor;
};

/// "Connection refused" → "connection refused"
std::string words(const boost::system::error_code& error) {
  std::string text = error.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] | 0x20);
  return text;
}

}  // namespace

struct HttpClient::Impl {
  Options options;
  std::string host;
  std::string port;
  asio::io_context io{1};
  std::unique_ptr<asio::ssl::context> tls;  ///< null: plain HTTP
  std::optional<MaybeTls<TimedStream>> stream;
  beast::flat_buffer buffer;
  bool answered = false;       ///< the server has started to respond to the current request
  std::function<void()> done;  ///< called when the current request has ended, if set
  std::optional<Error> ended;  ///< why the current request was ended from outside; with Options::elsewhere

  Result<ports::Response> request(const ClientRequest& request);
  asio::awaitable<Result<ports::Response>> exchange(const ClientRequest& request);
  asio::awaitable<Result<void>> connect();
  asio::awaitable<Result<void>> connect_tcp();
  asio::awaitable<Result<tcp::resolver::results_type>> look_up();
  void run_until_ended();
  void end(Error why);
  [[nodiscard]] Error unreachable(const boost::system::error_code& error) const;
  [[nodiscard]] std::string host_header() const;
  asio::awaitable<Result<void>> begin_tls();
  TimedStream& timed() { return stream->next_layer(); }
  asio::awaitable<Result<bool>> send(const ClientRequest& request);
  asio::awaitable<Result<bool>> write(std::string_view bytes);
  asio::awaitable<Result<ports::Response>> receive(const ClientRequest& request);
  asio::awaitable<Result<void>> receive_body(const ClientRequest& request, Parser& parser,
                                             ports::Response& response);

  /// Whether a kept connection cannot be reused: the server has closed it, or it has unexpected unread data.
  [[nodiscard]] bool is_stale() {
    char byte = 0;
    const auto got = ::recv(timed().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

  Error lost(const ClientRequest& request, const boost::system::error_code& error) const {
    if (ended) return *ended;
    if (options.elsewhere && error == beast::error::timeout)
      return environment_error(
          Code::deadline_exceeded,
          host + " has sent nothing for " + std::to_string(options.answer_timeout.count() / 1000) + " s");
    if (options.elsewhere)
      return environment_error(
          Code::unavailable,
          "the connection to " + host + " was lost before the response was complete: " + words(error));
    if (error == beast::error::timeout)
      return environment_error(Code::deadline_exceeded,
                               "the server at " + options.url + " has not responded to " + request.method +
                                   " " + request.target + " for " +
                                   std::to_string(options.answer_timeout.count() / 1000) + " s; see its log");
    return environment_error(Code::unavailable, "lost the connection to the server at " + options.url +
                                                    " during " + request.method + " " + request.target +
                                                    ": " + words(error) + "; has it been stopped?");
  }
};

Result<ports::Response> HttpClient::Impl::request(const ClientRequest& request) {
  if (!std::ranges::all_of(request.target, [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
    return Fail(internal_error(Code::internal, "the target `" + request.target + "` is not percent-encoded"));
  const bool repeatable = request.method == "GET" || request.method == "HEAD";
  if (stream && is_stale()) stream.reset();
  const bool kept = stream.has_value();
  for (bool again = kept && repeatable;; again = false) {
    answered = false;
    Result<ports::Response> result = Fail(Error{});
    std::exception_ptr thrown;
    auto exchanging = exchange(request);
    asio::co_spawn(io, std::move(exchanging),
                   [&](const std::exception_ptr& problem, Result<ports::Response> got) {
                     thrown = problem;
                     if (!problem) result = std::move(got);
                     if (done) done();
                   });
    io.restart();
    run_until_ended();
    if (thrown) std::rethrow_exception(thrown);
    if (!result) stream.reset();
    if (result || answered || !again) return result;
  }
}

/// Runs the current request; with a limit of time and a stop token, if it is to a host elsewhere.
void HttpClient::Impl::run_until_ended() {
  if (!options.elsewhere) {
    io.run();
    return;
  }
  ended.reset();
  const auto& limits = *options.elsewhere;
  const auto cancelled = [this] {
    end(user_error(Code::cancelled, "the request to " + host + " was cancelled"));
  };
  // Posted: the other thread touches nothing of this one.
  const std::stop_callback stopped(limits.stop, [&] { asio::post(io, cancelled); });
  asio::steady_timer timer(io, limits.time_max);
  timer.async_wait([&](const boost::system::error_code& error) {
    if (!error)
      end(environment_error(Code::deadline_exceeded,
                            "no complete response from " + host + " within " +
                                std::to_string((limits.time_max.count() + 999) / 1000) + " s"));
  });
  done = [&timer] { timer.cancel(); };
  io.run();
  done = nullptr;
}

/// Ends the current request: what it waits for fails, and what it does next looks at `ended` first.
void HttpClient::Impl::end(Error why) {
  if (ended) return;
  ended = std::move(why);
  if (stream) timed().close();
}

asio::awaitable<Result<ports::Response>> HttpClient::Impl::exchange(const ClientRequest& request) {
  if (!stream) {
    auto connected = co_await connect();
    if (!connected) co_return Fail(std::move(connected).error());
  }
  auto sent = co_await send(request);
  if (!sent) co_return Fail(std::move(sent).error());
  // A server that refuses a body responds before it has received all of it: its response is more useful than
  // "broken pipe".
  auto response = co_await receive(request);
  if (!*sent) stream.reset();
  co_return response;
}

asio::awaitable<Result<void>> HttpClient::Impl::connect() {
  buffer.clear();
  stream.emplace(TimedStream(io));
  if (!options.socket.empty()) {
    auto connected = os::connect_unix(options.socket);
    if (!connected) {
      stream.reset();
      co_return Fail(
          std::move(connected).error().at("cannot reach the server at " + options.socket.string()));
    }
    timed().socket().assign(asio::generic::stream_protocol(AF_UNIX, 0), connected->release());
    co_return Result<void>{};
  }
  if (auto connected = co_await connect_tcp(); !connected) {
    stream.reset();
    co_return connected;
  }
  if (!tls) co_return Result<void>{};
  auto begun = co_await begin_tls();
  if (!begun) stream.reset();
  co_return begun;
}

Error HttpClient::Impl::unreachable(const boost::system::error_code& error) const {
  if (ended) return *ended;
  const std::string why = error == beast::error::timeout ? "no response" : words(error);
  if (options.elsewhere)
    return environment_error(Code::unavailable, "cannot connect to " + host + ": " + why);
  return environment_error(Code::unavailable, "cannot reach the server at " + options.url + ": " + why +
                                                  "; is `sluice up` running?");
}

/// The addresses of the host. Looked up once: those that were checked are those that are used.
asio::awaitable<Result<tcp::resolver::results_type>> HttpClient::Impl::look_up() {
  tcp::resolver resolver(io);
  auto [error, found] = co_await resolver.async_resolve(host, port, as_result);
  if (error || ended) co_return Fail(unreachable(error));
  if (options.elsewhere) {
    std::vector<IpAddress> addresses;
    for (const auto& each : found) {
      auto address = each.endpoint().address();
      if (address.is_v6()) address = asio::ip::make_address_v6(address.to_v6().to_bytes());  // without a zone
      const auto parsed = IpAddress::parse(address.to_string());
      if (!parsed) co_return Fail(unreachable(asio::error::address_family_not_supported));
      addresses.push_back(*parsed);
    }
    if (auto allowed = options.elsewhere->check_addresses(addresses); !allowed)
      co_return Fail(std::move(allowed).error());
  }
  co_return found;
}

/// Tries the addresses of the host, one after the other.
asio::awaitable<Result<void>> HttpClient::Impl::connect_tcp() {
  auto found = co_await look_up();
  if (!found) co_return Fail(std::move(found).error());
  boost::system::error_code error = asio::error::host_not_found;
  for (const auto& each : *found) {
    if (ended) break;
    timed().expires_after(options.connect_timeout);
    const asio::generic::stream_protocol::endpoint endpoint(each.endpoint());
    std::tie(error) = co_await timed().async_connect(endpoint, as_result);
    if (!error) break;
  }
  if (error || ended) co_return Fail(unreachable(error));
  boost::system::error_code ignored;
  timed().socket().set_option(tcp::no_delay(true), ignored);
  timed().socket().set_option(asio::socket_base::keep_alive(true), ignored);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> HttpClient::Impl::begin_tls() {
  auto& encrypted = stream->use_tls(*tls);
  SSL_set_tlsext_host_name(encrypted.native_handle(), host.c_str());
  encrypted.set_verify_callback(asio::ssl::host_name_verification(host));
  timed().expires_after(options.connect_timeout);
  const auto [error] = co_await encrypted.async_handshake(asio::ssl::stream_base::client, as_result);
  if (ended) co_return Fail(*ended);
  if (!error) co_return Result<void>{};
  const auto verified = SSL_get_verify_result(encrypted.native_handle());
  if (options.elsewhere)
    co_return Fail(environment_error(
        Code::unavailable, verified == X509_V_OK ? "no TLS with " + host + ": " + describe_tls(error)
                                                 : "the certificate of " + host + " is not trusted: " +
                                                       lower_ascii(X509_verify_cert_error_string(verified))));
  if (verified != X509_V_OK)
    co_return Fail(environment_error(
        Code::unavailable, "the certificate of the server at " + options.url +
                               " is not trusted: " + lower_ascii(X509_verify_cert_error_string(verified)) +
                               "; `--ca FILE` names the authority that vouches for it"));
  co_return Fail(environment_error(Code::unavailable,
                                   "no TLS with the server at " + options.url + ": " + describe_tls(error)));
}

/// Without the scheme's own port: a signature of a request may cover this header.
std::string HttpClient::Impl::host_header() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + (port == (tls ? "443" : "80") ? "" : ":" + port);
}

/// Returns false if the server stopped reading; it may have sent a response that says why.
asio::awaitable<Result<bool>> HttpClient::Impl::send(const ClientRequest& request) {
  std::optional<SentFile> file;
  if (!request.body_file.empty()) file.emplace(request.body_file);
  if (file && file->failed())
    co_return Fail(user_error(Code::not_found, "cannot read " + request.body_file.string() + " to send it"));
  const std::uint64_t length = file ? file->size() : request.body.size();
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + host_header() + "\r\n";
  if (options.token) head += "Authorization: Bearer " + *options.token + "\r\n";
  for (const auto& [name, value] : request.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  if (length > 0 || (request.method != "GET" && request.method != "HEAD"))
    head += "Content-Length: " + std::to_string(length) + "\r\n";
  head += "\r\n";
  if (!file) {
    head += request.body;
    co_return co_await write(head);
  }
  auto writing = co_await write(head);
  std::string chunk(std::min<std::uint64_t>(piece, length), '\0');
  for (std::uint64_t sent = 0; writing && *writing && sent < length;) {
    const auto got =
        file->read(sent, std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), length - sent)));
    if (got == 0)
      co_return Fail(environment_error(Code::failed_precondition,
                                       request.body_file.string() + " shrank while it was being sent"));
    const std::string_view bytes(chunk.data(), got);
    writing = co_await write(bytes);
    sent += got;
  }
  co_return writing;
}

asio::awaitable<Result<bool>> HttpClient::Impl::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto next = asio::buffer(bytes.data(), std::min(bytes.size(), piece));
    timed().expires_after(options.answer_timeout);
    const auto [error, count] = co_await asio::async_write(*stream, next, as_result);
    if (error) co_return false;
    bytes.remove_prefix(count);
  }
  co_return true;
}

asio::awaitable<Result<ports::Response>> HttpClient::Impl::receive(const ClientRequest& request) {
  Parser parser;
  parser.header_limit(std::uint32_t{64} << 10);
  parser.body_limit(boost::none);
  if (request.method == "HEAD") parser.skip(true);
  timed().expires_after(options.answer_timeout);
  buffer.reserve(first_read);  // a read is at most as long as the space reserved here
  const auto [error, count] = co_await http::async_read_header(*stream, buffer, parser, as_result);
  if (error) co_return Fail(lost(request, error));
  answered = true;
  ports::Response response{.status = static_cast<int>(parser.get().result_int()), .content_type = {}};
  for (const auto& field : parser.get()) {
    std::string name = lower_ascii(field.name_string());
    if (name == "content-type") response.content_type = std::string(field.value());
    response.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  auto received = co_await receive_body(request, parser, response);
  if (!received) co_return Fail(std::move(received).error());
  if (!parser.is_done() || !parser.get().keep_alive()) stream.reset();
  co_return response;
}

asio::awaitable<Result<void>> HttpClient::Impl::receive_body(const ClientRequest& request, Parser& parser,
                                                             ports::Response& response) {
  const bool succeeded = response.status >= 200 && response.status < 300;
  const bool save = !request.save_to.empty() && succeeded;
  const bool pass_on = request.on_bytes && succeeded;
  if (pass_on && request.on_head) request.on_head(response);
  File file(save ? ::open(request.save_to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1);
  if (save && file.descriptor < 0) co_return Fail(system_error("make " + request.save_to.string(), errno));
  std::string chunk(
      parser.is_done() ? 0 : std::min<std::uint64_t>(parser.content_length().value_or(piece), piece), '\0');
  while (!parser.is_done()) {
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    if (pass_on && request.may_be_silent)
      timed().expires_never();
    else
      timed().expires_after(options.answer_timeout);
    const auto [error, count] = co_await http::async_read_some(*stream, buffer, parser, as_result);
    std::string_view got(chunk.data(), chunk.size() - parser.get().body().size);
    if (error && error != http::error::need_buffer) co_return Fail(lost(request, error));
    if (pass_on) {
      if (!got.empty() && !request.on_bytes(got)) co_return Result<void>{};
      continue;
    }
    if (!save && options.elsewhere && response.body.size() + got.size() > options.body_max)
      co_return Result<void>{};
    if (!save && response.body.size() + got.size() > options.body_max)
      co_return Fail(environment_error(Code::too_large, "the response to " + request.method + " " +
                                                            request.target + " is larger than " +
                                                            human_bytes(options.body_max)));
    if (!save) response.body.append(got);
    while (save && !got.empty()) {
      const auto written = ::write(file.descriptor, got.data(), got.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) co_return Fail(system_error("write " + request.save_to.string(), errno));
      got.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (save) response.body_file = request.save_to;
  co_return Result<void>{};
}

Result<HttpClient> HttpClient::make(Options options) {
  const auto invalid = [&](std::string_view why) {
    return Fail(user_error(Code::invalid_argument, "`" + options.url + "` " + std::string(why)));
  };
  const bool has_tls = options.url.starts_with("https://");
  const std::string_view scheme = has_tls ? "https://" : "http://";
  while (options.url.ends_with('/') && options.url.size() > scheme.size()) options.url.pop_back();
  if (!options.url.starts_with(scheme))
    return invalid("is not a supported URL; write http://HOST:PORT or https://HOST:PORT");
  std::string_view rest = std::string_view(options.url).substr(scheme.size());
  std::string_view host = rest;
  std::string_view port = has_tls ? "443" : "80";
  const auto bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos)
    return invalid("has no closing bracket; write http://[ADDRESS]:PORT");
  if (const auto colon = rest.find(':', bracket); colon != std::string_view::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
  }
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto number = parse_integer<std::uint16_t>(port).value_or(0);
  if (host.empty() || host.find('/') != std::string_view::npos || number == 0)
    return invalid("is not a valid server URL; write http://HOST:PORT");
  auto impl = std::make_unique<Impl>();
  impl->host = std::string(host);
  impl->port = std::to_string(number);
  if (has_tls) {
    SLUICE_TRY(context, verifying_context(options.ca));
    impl->tls = std::move(context);
  }
  impl->options = std::move(options);
  return HttpClient(std::move(impl));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<ports::Response> HttpClient::request(const ClientRequest& request) {
  try {
    return impl_->request(request);
  } catch (const std::exception& problem) {
    return Fail(environment_error(Code::unavailable, "cannot send a request to the server at " +
                                                         impl_->options.url + ": " + problem.what()));
  }
}

}  // namespace sluice::net
