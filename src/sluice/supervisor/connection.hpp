#pragma once
#include <string>

#include "sluice/ipc/supervisor/codec.hpp"
#include "sluice/os/files.hpp"

namespace sluice::supervisor {

/// One server at the other end, without waiting for it. Not thread-safe.
class Connection {
 public:
  explicit Connection(os::UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Reads what is there, some of it at least. False: the other end closed, or reading failed.
  bool receive();
  /// The next whole request; an error means that the connection is to be closed.
  Result<std::optional<Request>> next();
  /// Sends, or keeps for later what does not go through now. False: it failed, or more waits than anybody
  /// will read.
  bool send(const Answer& answer);
  bool flush();
  [[nodiscard]] bool waits_to_send() const { return sent_ < out_.size(); }

  bool greeted = false;  ///< Hello came
  bool follows = false;  ///< wants to be told of ends

 private:
  os::UniqueFd fd_;
  FrameReader in_;
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace sluice::supervisor
