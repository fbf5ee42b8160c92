#pragma once
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ipc/host/frame.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host::protocol {

/// Sends and receives frames over a connected stream socket. One thread reads; any thread may write.
class Channel {
 public:
  explicit Channel(os::UniqueFd socket) : socket_(std::move(socket)) {}

  /// Whether the next frame, or the end, begins to arrive within this time. Returns earlier if there is
  /// something to read from the descriptor `also`, unless that is -1. For the reading thread.
  [[nodiscard]] bool wait(std::chrono::milliseconds time, int also = -1) const;
  /// Waits for the next frame. Code::unavailable: the other end closed. After any error the channel must
  /// not be used any more.
  Result<Frame> read();
  /// Writes a whole frame: waits for other writers, and for the other end to read.
  Result<void> write(const Value& json, std::string_view payload = {});
  /// Shuts down both directions: a waiting reader, at either end, gets Code::unavailable. Any thread may call
  /// it, more than once.
  void close();

 private:
  Result<std::string> take(std::size_t bytes);
  Result<void> read_ahead(std::size_t least);

  os::UniqueFd socket_;
  std::mutex writing_;
  /// For the reading thread only: bytes received and not consumed yet. A frame with one picture fits, and
  /// costs one read.
  std::vector<std::byte> ahead_ = std::vector<std::byte>(std::size_t{64} << 10);
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
};

}  // namespace sluice::host::protocol
