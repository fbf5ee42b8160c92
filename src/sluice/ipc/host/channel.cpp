#include "sluice/ipc/host/channel.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

#include "sluice/os/socket.hpp"

namespace sluice::host::protocol {

/// Reads the next `bytes` bytes into a new string.
Result<std::string> Channel::take(std::size_t bytes) {
  std::string out;
  Result<void> done;
  // Not zero-filled first: the pages of a large payload are allocated as they arrive.
  // The size that libstdc++ 12 passes may be larger than the requested one.
  out.resize_and_overwrite(bytes, [&](char* data, std::size_t) {
    const auto buffered = std::min(bytes, ahead_end_ - ahead_begin_);
    std::memcpy(data, ahead_.data() + ahead_begin_, buffered);
    ahead_begin_ += buffered;
    done =
        os::read_exact(socket_.get(), std::as_writable_bytes(std::span(data + buffered, bytes - buffered)));
    return done ? bytes : 0;
  });
  if (!done) return Fail(std::move(done).error());
  return out;
}

Result<void> Channel::read_ahead(std::size_t least) {
  const auto buffered = ahead_end_ - ahead_begin_;
  if (buffered >= least) return {};
  std::memmove(ahead_.data(), ahead_.data() + ahead_begin_, buffered);
  SLUICE_TRY(got, os::read_some(socket_.get(), std::span(ahead_).subspan(buffered), least - buffered));
  ahead_begin_ = 0;
  ahead_end_ = buffered + got;
  return {};
}

bool Channel::wait(std::chrono::milliseconds time, int also) const {
  if (ahead_begin_ < ahead_end_) return true;
  std::array<pollfd, 2> watched{
      {{.fd = socket_.get(), .events = POLLIN, .revents = 0}, {.fd = also, .events = POLLIN, .revents = 0}}};
  return ::poll(watched.data(), watched.size(), static_cast<int>(time.count())) != 0 &&
         watched[0].revents != 0;
}

Result<Frame> Channel::read() {
  SLUICE_DO(read_ahead(head_bytes));
  SLUICE_TRY(head, decode_header(std::span(ahead_).subspan(ahead_begin_).first<head_bytes>()));
  ahead_begin_ += head_bytes;
  SLUICE_TRY(text, take(head.json_bytes));
  SLUICE_TRY(payload, take(head.payload_bytes));
  SLUICE_TRY(json, decode_json(text));
  return Frame{.json = std::move(json), .payload = std::move(payload)};
}

Result<void> Channel::write(const Value& json, std::string_view payload) {
  SLUICE_TRY(start, encode(json, payload.size()));
  const std::lock_guard lock(writing_);
  return os::write_all(socket_.get(), start, payload);
}

void Channel::close() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace sluice::host::protocol
