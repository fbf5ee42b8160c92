#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice {

/// A SHA-256 digest: the identity of all stored content.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  [[nodiscard]] std::string hex() const;  ///< 64 lower-case hexadecimal digits
  [[nodiscard]] std::string brief() const { return hex().substr(0, 12); }
  static Result<Digest> from_hex(std::string_view text);
  static Digest of(std::string_view data);

  auto operator<=>(const Digest&) const = default;
};

/// Incremental SHA-256. Not thread-safe. `finish` may be called once.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(std::string_view data);
  Digest finish();

 private:
  friend struct Digest;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace sluice

template <>
struct std::hash<sluice::Digest> {
  std::size_t operator()(const sluice::Digest& d) const noexcept {
    std::size_t h = 0;
    for (int i = 0; i < 8; ++i) h = (h << 8) | d.bytes[static_cast<std::size_t>(i)];
    return h;
  }
};
