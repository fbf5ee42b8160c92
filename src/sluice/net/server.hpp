#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// An HTTP/1.1 server for protocols. Handlers are called on worker threads, where they may block, or on the
/// connection's thread if their route declares the request brief; they respond from any thread. Only requests
/// whose Host and Origin are this machine's are admitted, and only those that carry a token of `callers`, or
/// that arrive over loopback or the Unix socket from a process of this process's user.
class HttpServer {
 public:
  struct Options {
    std::string listen = "127.0.0.1:8080";  ///< port 0: the system picks one, see port()
    /// Others than the owner; required beyond loopback. Must outlive the server; null: there are none.
    const ports::Callers* callers = nullptr;
    std::vector<std::string> allowed_hosts;  ///< names of this server besides localhost and its addresses
    /// Also listens on this Unix socket, for processes of this process's user; "": on none. An existing file
    /// is replaced.
    std::filesystem::path socket;
    /// PEM files: with them, all but the Unix socket is HTTPS.
    struct Tls {
      std::filesystem::path certificate;  ///< with those of its authorities after it
      std::filesystem::path key;
    };
    std::optional<Tls> tls;
    bool allow_plain = false;       ///< beyond loopback without TLS
    std::filesystem::path scratch;  ///< for the bodies of routes with `body_to_file`
    std::size_t io_threads = 2;
    std::size_t worker_threads = 8;        ///< how many handlers may block at once
    std::size_t connections_max = 12'000;  ///< further ones get 503
    std::size_t head_max = std::size_t{16} << 10;
    std::size_t bodies_max = std::size_t{256}
                             << 20;  ///< in memory, of all requests in flight; further ones get 503
    Milliseconds read_timeout =
        std::chrono::seconds(30);  ///< for a whole head; for any progress of a body or a response
    Milliseconds idle_timeout = std::chrono::minutes(10);  ///< between requests
    Milliseconds stop_grace = std::chrono::seconds(5);     ///< how long `stop` waits for requests in flight
  };

  /// `clock` must outlive the server.
  HttpServer(Options options, std::vector<ports::Protocol> protocols, const Clock& clock);
  ~HttpServer();

  /// Binds and starts the threads. Fails if the address is invalid, in use, or not loopback without a
  /// token, or without TLS; if a certificate cannot be used. Raises the process's soft limit of open files to
  /// its hard limit: a connection is a file.
  Result<void> start();
  /// Stops accepting, waits up to `stop_grace` for requests in flight, closes. Returns when all threads have
  /// ended; later responses are dropped. Idempotent; the destructor calls it.
  void stop();

  [[nodiscard]] std::uint16_t port() const;  ///< after start()
  [[nodiscard]] std::string url() const;     ///< "http://127.0.0.1:8080"; https with TLS
  /// The same for those who do not share this machine's loopback; "": they do not reach it.
  [[nodiscard]] std::string url_from_elsewhere() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::net
