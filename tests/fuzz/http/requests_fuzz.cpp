// Fuzzes the HTTP server over a real socket, with any bytes: each response is well formed, its body has the
// announced length, and the server closes the connection when the client has.
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/api/openinference/infer_request.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/net/server.hpp"

namespace {

using namespace sluice;

ports::Response error_response(const Error& error) {
  return {.status = http_status(error.code), .body = error.message + "\n"};
}

/// The endpoint's routes; a request for predictions is parsed, and its response says what it contains.
ports::Protocol protocol() {
  const ports::Handler infer = [](const ports::Request& request, ports::Responder respond) {
    const auto read =
        api::read_infer_request({.bytes = request.body,
                                 .json_length = request.header("inference-header-content-length"),
                                 .content_type = request.header("content-type")});
    if (!read) return respond(error_response(read.error()));
    respond({.body = std::to_string(read->pictures.size()) + " " + read->id.value_or("")});
  };
  const ports::Handler echo = [](const ports::Request& request, ports::Responder respond) {
    respond(
        {.headers = {{"x-first", request.params.empty() ? "" : request.params[0]}}, .body = request.path});
  };
  const ports::Handler put = [](const ports::Request& request, ports::Responder respond) {
    std::error_code failed;
    respond({.status = 201, .body = std::to_string(std::filesystem::file_size(request.body_file, failed))});
  };
  return {.name = "endpoint",
          .routes = {{.method = "GET", .pattern = "/v2", .handler = echo},
                     {.method = "GET", .pattern = "/v2/models/{}", .handler = echo},
                     {.method = "POST", .pattern = "/v2/models/{}/infer", .handler = infer, .body_max = 4096},
                     {.method = "PUT",
                      .pattern = "/v1/objects/{}",
                      .handler = put,
                      .body_max = 4096,
                      .body_to_file = true}},
          .error = error_response};
}

/// libFuzzer's alarm, which detects slow inputs, may interrupt a system call that waits for the server: then
/// the call is restarted.
void restart_interrupted_calls() {
  struct sigaction action{};
  if (::sigaction(SIGALRM, nullptr, &action) != 0) std::abort();
  action.sa_flags |= SA_RESTART;
  if (::sigaction(SIGALRM, &action, nullptr) != 0) std::abort();
}

struct Endpoint {
  Endpoint() {
    restart_interrupted_calls();
    std::string name = (std::filesystem::temp_directory_path() / "sluice-fuzz-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    server.emplace(net::HttpServer::Options{.listen = "127.0.0.1:0", .scratch = folder, .worker_threads = 1},
                   std::vector{protocol()}, clock);
    if (!server->start()) std::abort();
  }
  ~Endpoint() {
    server.reset();
    std::filesystem::remove_all(folder);
  }
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  std::string folder;
  SystemClock clock;
  std::optional<net::HttpServer> server;
};

std::string all_responses_to(std::string_view request, std::uint16_t port) {
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connection < 0 || ::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    std::abort();
  // Reset the connection: otherwise its port stays in use for a minute, and there are more inputs than the
  // 28,000 ports.
  const linger no_linger{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &no_linger, sizeof no_linger);
  while (!request.empty()) {
    const auto sent = ::send(connection, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // the server has closed the connection
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(connection, SHUT_WR);
  std::string responses;
  std::string piece(65536, '\0');
  for (;;) {
    const auto got = ::recv(connection, piece.data(), piece.size(), 0);
    if (got <= 0) break;
    responses.append(piece, 0, static_cast<std::size_t>(got));
  }
  ::close(connection);
  return responses;
}

/// Removes one response from the front; `may_be_head`: it may be a response to HEAD, which announces a body
/// and has none.
void take_response(std::string_view& responses, bool may_be_head) {
  SLUICE_CHECK(responses.starts_with("HTTP/1.1 "));
  const auto end = responses.find("\r\n\r\n");
  SLUICE_CHECK(end != std::string_view::npos);
  const auto head = responses.substr(0, end + 2);
  responses.remove_prefix(end + 4);
  for (const char c : head)
    SLUICE_CHECK(c == '\r' || c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
  constexpr std::string_view length_is = "\r\nContent-Length: ";
  const auto at = head.find(length_is);
  if (at == std::string_view::npos) return;
  std::size_t length = 0;
  const auto* number = head.data() + at + length_is.size();
  std::from_chars(number, head.data() + head.size(), length);
  if (may_be_head && (responses.empty() || responses.starts_with("HTTP/1.1 "))) return;
  SLUICE_CHECK(length <= responses.size());
  responses.remove_prefix(length);
}

}  // namespace

/// `@` is replaced with the server's own address, so that requests pass its Host check.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Endpoint endpoint;
  const auto port = endpoint.server->port();
  std::string request;
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == '@')
      request += "127.0.0.1:" + std::to_string(port);
    else
      request.push_back(static_cast<char>(data[i]));
  }
  const auto responses = all_responses_to(request, port);
  std::string_view rest = responses;
  const bool may_be_head = request.find("HEAD") != std::string::npos;
  while (!rest.empty()) take_response(rest, may_be_head);
  return 0;
}
