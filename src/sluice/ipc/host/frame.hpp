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

/// The header of a frame.
struct FrameHeader {
  std::size_t json_bytes = 0;
  std::size_t payload_bytes = 0;
};

/// One message: JSON and a binary payload.
struct Frame {
  Value json;
  std::string payload = {};
};

/// Returns the header and the JSON; the payload follows them unchanged. Code::too_large over the limits.
Result<std::string> encode(const Value& json, std::size_t payload_bytes);

/// Refuses another magic and sizes over the limits. The stream cannot be resynchronized after that: the
/// connection must end.
Result<FrameHeader> decode_header(std::span<const std::byte, head_bytes> bytes);

/// Parses the JSON of a frame, which must be an object.
Result<Value> decode_json(std::string_view text);

}  // namespace sluice::host::protocol
