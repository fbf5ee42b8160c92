#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/ipc/supervisor/messages.hpp"

namespace sluice::supervisor {

/// A complete frame: u32 length (little-endian), then that many bytes. Not longer than `frame_bytes_max`: for
/// Start the caller ensures that (`fits`); everything else is short.
std::string encode(const Request& request);
std::string encode(const Response& response);
/// Whether a frame may be sent.
bool fits(const std::string& frame);

/// The inverse, for a frame's content without its length. Any bytes are safe; all of them must be used.
Result<Request> decode_request(std::string_view content);
Result<Response> decode_response(std::string_view content);

/// Splits a stream into frames. Holds one frame and what arrived with it, no more.
class FrameReader {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next frame's content, nothing if it is not complete, an error if it would be too long: close the
  /// connection. The view is valid until the next call of any member.
  Result<std::optional<std::string_view>> next();

 private:
  std::string buffer_;
  std::size_t used_ = 0;
};

}  // namespace sluice::supervisor
