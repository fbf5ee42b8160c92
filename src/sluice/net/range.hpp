#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace sluice::net {

/// A part of a body.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

/// The range is behind the end of the body: status 416.
struct Unsatisfiable {};

/// What the header Range asks for of a body of `size` bytes (RFC 9110, 14.2); nullopt: the whole body,
/// because the header is absent (""), malformed, of another unit, or names several ranges, of which the whole
/// is a valid answer.
std::expected<std::optional<ByteRange>, Unsatisfiable> read_range(std::string_view header,
                                                                  std::uint64_t size);

}  // namespace sluice::net
