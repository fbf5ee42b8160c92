#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "sluice/base/value.hpp"

namespace sluice::host::protocol {

inline constexpr std::size_t head_bytes = 16;
inline constexpr std::size_t json_bytes_max = std::size_t{16} << 20;
inline constexpr std::size_t payload_bytes_max = std::size_t{256} << 20;

/// What stands before each frame.
struct FrameHead {
  std::size_t json_bytes = 0;
  std::size_t payload_bytes = 0;
};

/// One message: JSON, and bytes beside it.
struct Frame {
  Value json;
  std::string payload = {};
};

/// Head and JSON; the payload follows on the wire as it is. Code::too_large over the limits.
Result<std::string> encode(const Value& json, std::size_t payload_bytes);

/// Refuses another magic and whatever is over the limits: there is no way back into step, the connection must
/// end.
Result<FrameHead> decode_head(std::span<const std::byte, head_bytes> bytes);

/// The JSON of a frame: an object.
Result<Value> decode_json(std::string_view text);

}  // namespace sluice::host::protocol
