#include "sluice/host/protocol/channel.hpp"

#include <sys/socket.h>

#include "sluice/os/socket.hpp"

namespace sluice::host::protocol {
namespace {

Result<std::string> read_string(int fd, std::size_t bytes) {
  std::string out;
  Result<void> done;
  // Not filled first: pages of a large payload are taken as they arrive.
  // The size that libstdc++ 12 passes may be larger than the one that was asked for.
  out.resize_and_overwrite(bytes, [&](char* data, std::size_t) {
    done = os::read_exact(fd, std::as_writable_bytes(std::span(data, bytes)));
    return done ? bytes : 0;
  });
  if (!done) return Fail(std::move(done).error());
  return out;
}

}  // namespace

Result<Frame> Channel::read() {
  std::array<std::byte, head_bytes> bytes{};
  SLUICE_DO(os::read_exact(socket_.get(), bytes));
  SLUICE_TRY(head, decode_head(bytes));
  SLUICE_TRY(text, read_string(socket_.get(), head.json_bytes));
  SLUICE_TRY(payload, read_string(socket_.get(), head.payload_bytes));
  SLUICE_TRY(json, decode_json(text));
  return Frame{.json = std::move(json), .payload = std::move(payload)};
}

Result<void> Channel::write(const Value& json, std::string_view payload) {
  SLUICE_TRY(start, encode(json, payload.size()));
  const std::lock_guard lock(writing_);
  SLUICE_DO(os::write_all(socket_.get(), start));
  if (!payload.empty()) SLUICE_DO(os::write_all(socket_.get(), payload));
  return {};
}

void Channel::close() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace sluice::host::protocol
