#pragma once
#include <string>

#include "sluice/ipc/supervisor/codec.hpp"
#include "sluice/os/files.hpp"

namespace sluice::supervisor {

/// A non-blocking connection to one server. Not thread-safe.
class Connection {
 public:
  explicit Connection(os::UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Reads some of the available bytes. False: the other end closed, or reading failed.
  bool receive();
  /// The next complete request; after an error the connection must be closed.
  Result<std::optional<Request>> next();
  /// Sends, and buffers what cannot be sent now. False: it failed, or the buffer is over its limit.
  bool send(const Response& response);
  bool flush();
  [[nodiscard]] bool waits_to_send() const { return sent_ < out_.size(); }

  bool greeted = false;  ///< Hello was received
  bool follows = false;  ///< receives the ends of attempts

 private:
  os::UniqueFd fd_;
  FrameReader in_;
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace sluice::supervisor
