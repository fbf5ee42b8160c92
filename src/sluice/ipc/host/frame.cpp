#include "sluice/ipc/host/frame.hpp"

#include <string_view>

#include <fmt/format.h>

#include "sluice/base/json.hpp"

namespace sluice::host::protocol {
namespace {

constexpr std::string_view magic = "SLH1";

void append_little_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((number >> (8 * i)) & 0xff));
}

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t out = 0;
  for (auto i = bytes.size(); i-- > 0;) out = (out << 8) | std::to_integer<std::uint64_t>(bytes[i]);
  return out;
}

Fail over_limit(std::string_view part, std::uint64_t bytes, std::size_t most) {
  return Fail(user_error(Code::too_large, fmt::format("a frame's {} of {} bytes is over the limit of {} MiB",
                                                      part, bytes, most >> 20)));
}

}  // namespace

Result<std::string> encode(const Value& json, std::size_t payload_bytes) {
  const auto text = to_json(json);
  if (text.size() > json_bytes_max) return over_limit("JSON", text.size(), json_bytes_max);
  if (payload_bytes > payload_bytes_max) return over_limit("payload", payload_bytes, payload_bytes_max);
  std::string out;
  out.reserve(head_bytes + text.size());
  out += magic;
  append_little_endian(out, text.size(), 4);
  append_little_endian(out, payload_bytes, 8);
  out += text;
  return out;
}

Result<FrameHeader> decode_header(std::span<const std::byte, head_bytes> bytes) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), magic.size());
  if (start != magic)
    return Fail(internal_error(
        Code::invalid_argument,
        fmt::format("the other end does not speak the host protocol: a frame must begin with {}", magic)));
  const auto json_bytes = little_endian(bytes.subspan<4, 4>());
  const auto payload_bytes = little_endian(bytes.subspan<8, 8>());
  if (json_bytes > json_bytes_max) return over_limit("JSON", json_bytes, json_bytes_max);
  if (payload_bytes > payload_bytes_max) return over_limit("payload", payload_bytes, payload_bytes_max);
  return FrameHeader{.json_bytes = json_bytes, .payload_bytes = payload_bytes};
}

Result<Value> decode_json(std::string_view text) {
  SLUICE_TRY(json, parse_json(text, "frame", {.bytes_max = json_bytes_max}));
  if (!json.is_struct())
    return Fail(internal_error(Code::invalid_argument, fmt::format("a frame's JSON must be an object, not {}",
                                                                   kind_name(json.kind()))));
  return json;
}

}  // namespace sluice::host::protocol
