#pragma once
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {

/// A socket to 127.0.0.1 that sends and reads exactly the bytes that a test specifies.
class RawClient {
 public:
  /// `buffer`: the size of the receive buffer, approximately; 0: the system's default.
  explicit RawClient(std::uint16_t port, int buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(socket_); }

  [[nodiscard]] bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Everything up to and including `mark`; everything received if the server closes first.
  std::string read_until(std::string_view mark) {
    std::string out;
    for (;;) {
      if (const auto at = seen_.find(mark); at != std::string::npos) {
        out = seen_.substr(0, at + mark.size());
        seen_.erase(0, at + mark.size());
        return out;
      }
      if (!more()) return std::exchange(seen_, {});
    }
  }

  /// Everything until the server closes.
  std::string read_all() {
    while (more()) {
    }
    return std::exchange(seen_, {});
  }

  /// One response: its head, and as many bytes as its Content-Length.
  std::string read_answer() {
    std::string answer = read_until("\r\n\r\n");
    const auto at = answer.find("Content-Length: ");
    if (at == std::string::npos) return answer;
    const auto length = static_cast<std::size_t>(std::stoul(answer.substr(at + 16)));
    while (seen_.size() < length && more()) {
    }
    answer += seen_.substr(0, length);
    seen_.erase(0, length);
    return answer;
  }

  /// Whether a read would return at once.
  [[nodiscard]] bool is_readable() const {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    return !seen_.empty() || ::poll(&ready, 1, 0) > 0;
  }

 private:
  bool more() {
    char chunk[4096];
    const auto got = ::recv(socket_, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    seen_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string seen_;
};

}  // namespace sluice::net
