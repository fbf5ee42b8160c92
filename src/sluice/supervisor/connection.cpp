#include "sluice/supervisor/connection.hpp"

#include <array>
#include <cerrno>

#include <sys/socket.h>

namespace sluice::supervisor {
namespace {

constexpr std::size_t out_bytes_max = std::size_t{32} << 20;

}  // namespace

bool Connection::receive() {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    in_.feed({buffer.data(), static_cast<std::size_t>(n)});
    return true;
  }
}

Result<std::optional<Request>> Connection::next() {
  SLUICE_TRY(content, in_.next());
  if (!content) return std::optional<Request>();
  SLUICE_TRY(request, decode_request(*content));
  return std::optional(std::move(request));
}

bool Connection::send(const Response& response) {
  out_ += encode(response);
  return out_.size() - sent_ <= out_bytes_max && flush();
}

bool Connection::flush() {
  while (sent_ < out_.size()) {
    const ssize_t n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
  return true;
}

}  // namespace sluice::supervisor
