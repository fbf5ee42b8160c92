#include "sluice/host/media/png_source.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <zlib.h>

#include "sluice/host/media/exif.hpp"

namespace sluice::host::media {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t signature_bytes = 8;
constexpr std::size_t head_bytes = 8;  // length and type
constexpr std::size_t checksum_bytes = 4;
constexpr std::string_view end_chunk = "\0\0\0\0IEND\xae\x42\x60\x82"sv;
constexpr std::size_t text_max = 1 << 18;  // enough for EXIF in hexadecimal digits

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = at; i < at + 4; ++i) out = (out << 8) | static_cast<std::uint8_t>(bytes[i]);
  return out;
}

std::string big_endian(std::uint32_t number) {
  std::string out;
  for (unsigned shift = 32; shift > 0; shift -= 8)
    out.push_back(static_cast<char>((number >> (shift - 8)) & 0xff));
  return out;
}

std::uint32_t checksum(std::string_view type, std::string_view data) {
  auto out = crc32(0, reinterpret_cast<const Bytef*>(type.data()), static_cast<uInt>(type.size()));
  out = crc32(out, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size()));
  return static_cast<std::uint32_t>(out);
}

/// As much as `text_max` of it.
std::string inflated(std::string_view data) {
  std::string out(text_max, '\0');
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return out;
}

std::optional<int> orientation_in(std::string_view type, std::string_view data) {
  if (type == "eXIf"sv) return exif_orientation(data);
  if (type != "tEXt"sv && type != "zTXt"sv) return std::nullopt;
  for (const auto keyword : {"Raw profile type exif\0"sv, "Raw profile type APP1\0"sv}) {
    if (!data.starts_with(keyword)) continue;
    const auto text = data.substr(keyword.size());
    if (type == "tEXt"sv) return raw_profile_orientation(text);
    if (text.starts_with('\0')) return raw_profile_orientation(inflated(text.substr(1)));  // 0: deflate
  }
  return std::nullopt;
}

}  // namespace

PngSource::PngSource(std::string_view bytes) : rest_(bytes) {
  parts_[0] = rest_.substr(0, signature_bytes);
  rest_.remove_prefix(parts_[0].size());
}

bool PngSource::read(char* into, std::size_t length) {
  for (;;) {
    for (auto& part : parts_) {
      const auto taken = std::min(part.size(), length);
      std::memcpy(into, part.data(), taken);
      part.remove_prefix(taken);
      into += taken;
      length -= taken;
    }
    if (length == 0) return true;
    if (!next_chunk()) return false;
  }
}

bool PngSource::next_chunk() {
  while (!ended_) {
    const auto type = rest_.size() < head_bytes ? ""sv : rest_.substr(4, 4);
    const auto data = rest_.substr(std::min(head_bytes, rest_.size()));
    const auto length = type.empty() ? 0 : number_at(rest_, 0);
    if (type.empty() || type == "IEND"sv || data.size() < checksum_bytes ||
        length > data.size() - checksum_bytes) {
      end_picture(type, data.substr(0, length));
      return true;
    }
    const auto chunk = rest_.substr(0, head_bytes + length + checksum_bytes);
    rest_.remove_prefix(chunk.size());
    const bool critical = type[0] >= 'A' && type[0] <= 'Z';
    if (critical || type == "tRNS"sv) {
      parts_[0] = chunk;
      return true;
    }
    const auto content = data.substr(0, length);
    if (!orientation_ && checksum(type, content) == number_at(data, length))
      orientation_ = orientation_in(type, content);
  }
  return false;
}

void PngSource::end_picture(std::string_view type, std::string_view data) {
  ended_ = true;
  if (type == "IDAT"sv && !data.empty()) {
    head_ = big_endian(static_cast<std::uint32_t>(data.size())).append(type);
    tail_ = big_endian(checksum(type, data));
    parts_ = {head_, data, tail_, end_chunk};
  } else {
    parts_[0] = end_chunk;
  }
}

}  // namespace sluice::host::media
