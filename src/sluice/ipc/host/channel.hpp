#pragma once
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ipc/host/frame.hpp"
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
  Result<std::string> take(std::size_t bytes);
  Result<void> read_ahead(std::size_t least);

  os::UniqueFd socket_;
  std::mutex writing_;
  /// The reader's: what has come and not been taken yet. A frame of one picture fits, and costs one read.
  std::vector<std::byte> ahead_ = std::vector<std::byte>(std::size_t{64} << 10);
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
};

}  // namespace sluice::host::protocol
