#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/net/server.hpp"

namespace sluice::net {

/// A temporary folder that is removed at the end of the test.
struct Scratch {
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-net-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::filesystem::path path;
};

inline std::size_t files_in(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    count += entry.is_regular_file();
  return count;
}

/// A real server on a free port with a few small routes.
class TestServer {
 public:
  explicit TestServer(HttpServer::Options options = {})
      : server_(with_defaults(std::move(options)), protocols(), clock_) {
    started = server_.start();
  }
  HttpServer& server() { return server_; }
  std::uint16_t port() { return server_.port(); }
  const std::filesystem::path& folder() { return scratch_.path; }
  /// Waits for the only request of /echo/hold; the test responds to it.
  ports::Responder held() { return held_.get_future().get(); }

  Result<void> started;
  // The only request of /block occupies a worker between these two.
  std::latch blocking{1};
  std::latch unblock{1};

 private:
  HttpServer::Options with_defaults(HttpServer::Options options) {
    if (options.listen == "127.0.0.1:8080") options.listen = "127.0.0.1:0";
    options.scratch = scratch_.path / "bodies";
    return options;
  }

  std::vector<ports::Protocol> protocols() {
    const auto echo = [](ports::Request request, ports::Responder respond) {
      std::string text = request.method + " " + request.path;
      for (const auto& param : request.params) text += " {" + param + "}";
      for (const auto& [key, value] : request.query) text += " " + key + "=" + value;
      respond({.content_type = "text/plain", .body = text + "\n" + request.body});
    };
    const auto later = [](ports::Request, ports::Responder respond) {
      std::thread([respond = std::move(respond)]() mutable {
        respond({.content_type = "text/plain", .body = "later"});
      }).detach();
    };
    const auto hold = [this](ports::Request, ports::Responder respond) {
      held_.set_value(std::move(respond));
    };
    const auto upload = [this](ports::Request request, ports::Responder respond) {
      std::ifstream file(request.body_file, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      std::size_t sum = 0;
      for (const unsigned char c : bytes) sum = sum * 31 + c;
      respond({.content_type = "text/plain",
               .body = std::to_string(bytes.size()) + " " + std::to_string(sum) + " " +
                       std::to_string(files_in(scratch_.path / "bodies")) +
                       (request.body_digest && request.body_digest() == Digest::of(bytes) ? " hashed" : "")});
    };
    const auto download = [this](ports::Request request, ports::Responder respond) {
      respond(
          {.content_type = "application/octet-stream", .body_file = scratch_.path / request.params.at(0)});
    };
    const auto split = [](ports::Request, ports::Responder respond) {
      respond(
          {.status = 204,
           .headers = {{"X-Note", "one\r\nSet-Cookie: two"}, {"Content-Length", "7"}, {"Bad Name", "x"}}});
    };
    const auto numbers = [](ports::Request request, ports::Responder respond) {
      std::string text;
      const auto bytes = std::stoul(request.params.at(0));
      for (int i = 0; text.size() < bytes; ++i) text += std::to_string(i) + " ";
      respond({.content_type = "text/plain", .body = text.substr(0, bytes)});
    };
    const auto silent = [](ports::Request, ports::Responder) {};
    const auto thrown = [](ports::Request, ports::Responder) { throw std::runtime_error("out of luck"); };
    ports::Protocol protocol{.name = "test", .routes = {}, .error = [](const Error& error) {
                               return ports::Response{.status = http_status(error.code),
                                                      .content_type = "text/plain",
                                                      .body = "test: " + error.message};
                             }};
    protocol.routes = {{.method = "GET", .pattern = "/echo/{}", .handler = echo},
                       {.method = "POST", .pattern = "/echo/{}", .handler = echo, .body_max = 100'000},
                       {.method = "GET", .pattern = "/echo/later", .handler = later},
                       {.method = "GET", .pattern = "/echo/hold", .handler = hold},
                       {.method = "POST", .pattern = "/echo/hold", .handler = hold},
                       {.method = "POST",
                        .pattern = "/echo/upload",
                        .handler = upload,
                        .body_max = std::size_t{1} << 30,
                        .body_to_file = true,
                        .hash_body = true},
                       {.method = "POST",
                        .pattern = "/echo/small-upload",
                        .handler = upload,
                        .body_max = 10,
                        .body_to_file = true},
                       {.method = "GET", .pattern = "/echo/download/{}", .handler = download},
                       {.method = "GET", .pattern = "/echo/numbers/{}", .handler = numbers},
                       {.method = "GET", .pattern = "/echo/split", .handler = split},
                       {.method = "GET", .pattern = "/echo/silent", .handler = silent},
                       {.method = "GET", .pattern = "/echo/thrown", .handler = thrown}};
    auto brief = protocol.routes;  // the same routes again, on the connections' own threads
    for (auto& route : brief) {
      route.pattern = "/brief" + route.pattern;
      route.is_brief = [](const ports::Request& request) { return request.query_at("long").empty(); };
    }
    std::ranges::move(brief, std::back_inserter(protocol.routes));
    protocol.routes.push_back(
        {.method = "GET", .pattern = "/block", .handler = [this](ports::Request, ports::Responder respond) {
           blocking.count_down();
           unblock.wait();
           respond({.content_type = "text/plain", .body = "unblocked"});
         }});
    return {std::move(protocol)};
  }

  std::promise<ports::Responder> held_;
  SystemClock clock_;
  Scratch scratch_;
  HttpServer server_;
};

}  // namespace sluice::net
