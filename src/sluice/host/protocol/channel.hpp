#pragma once
#include <mutex>
#include <string_view>

#include "sluice/host/protocol/frame.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host::protocol {

/// Frames over a connected stream socket. One thread reads; any thread writes.
class Channel {
 public:
  explicit Channel(os::UniqueFd socket) : socket_(std::move(socket)) {}

  /// Waits for the next frame. Code::unavailable: the other end closed. After any error the channel is of no
  /// more use.
  Result<Frame> read();
  /// Whole frames: writers wait for each other, and for the other end to read.
  Result<void> write(const Value& json, std::string_view payload = {});
  /// Ends both directions: a reader that waits, here or there, gets Code::unavailable. Any thread; may be
  /// called again.
  void close();

 private:
  os::UniqueFd socket_;
  std::mutex writing_;
};

}  // namespace sluice::host::protocol
