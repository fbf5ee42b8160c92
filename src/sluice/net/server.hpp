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

/// Serves protocols over HTTP/1.1. Handlers are called on worker threads, where they may block, or on a
/// connection's thread where their route says that they do not; they answer from any thread. Knows who may
/// ask: only requests whose Host and Origin are this machine's, and, with a token, that carry it.
class HttpServer {
 public:
  struct Options {
    std::string listen = "127.0.0.1:8080";   ///< port 0: the system picks one, see port()
    std::optional<std::string> token;        ///< every request must carry it; needed beyond loopback
    std::vector<std::string> allowed_hosts;  ///< names of this server besides localhost and its addresses
    std::filesystem::path scratch;           ///< bodies of routes with `body_to_file` pass through here
    std::size_t io_threads = 2;
    std::size_t worker_threads = 8;        ///< that many handlers may block at once
    std::size_t connections_max = 12'000;  ///< further ones get 503
    std::size_t head_max = std::size_t{16} << 10;
    std::size_t bodies_max = std::size_t{256}
                             << 20;  ///< in memory, of all open requests; further ones get 503
    Milliseconds read_timeout =
        std::chrono::seconds(30);  ///< for a whole head; for any progress of a body or an answer
    Milliseconds idle_timeout = std::chrono::minutes(10);  ///< between requests
    Milliseconds stop_grace = std::chrono::seconds(5);     ///< open requests get that long
  };

  /// `clock` outlives the server.
  HttpServer(Options options, std::vector<ports::Protocol> protocols, const Clock& clock);
  ~HttpServer();

  /// Binds and starts the threads. Fails where the address is none, in use, or open to others without a
  /// token. Raises the process's soft limit of open files to its hard limit: a connection is a file.
  Result<void> start();
  /// Stops accepting, lets open requests end (they get `stop_grace`), closes. Returns when all threads are
  /// gone; answers that come later go nowhere. Once; the destructor does it too.
  void stop();

  [[nodiscard]] std::uint16_t port() const;  ///< after start()
  [[nodiscard]] std::string url() const;     ///< "http://127.0.0.1:8080"
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::net
