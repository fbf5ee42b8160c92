#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// The encoding of the fields of messages and log records: little-endian integers, and strings and lists that
/// are prefixed with their length. Small enough for a static program.
namespace sluice::supervisor {

class ByteWriter {
 public:
  template <typename T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void integer(T value) {
    auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, bits >>= 8) bytes_.push_back(static_cast<char>(bits & 0xff));
  }
  void text(std::string_view value) {
    integer(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }
  void texts(const std::vector<std::string>& values) {
    integer(static_cast<std::uint32_t>(values.size()));
    for (const auto& value : values) text(value);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads what ByteWriter wrote. After the first malformed field, everything reads as zero or empty and `good`
/// is false; memory is limited by the bytes that are present.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  T integer() {
    if (!take(sizeof(T))) return T{};
    std::uint64_t bits = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(taken_[i]);
    return static_cast<T>(bits);
  }
  /// An enumerator up to `last`.
  template <typename T>
    requires std::is_enum_v<T>
  T one_of(T last) {
    const auto value = integer<T>();
    if (static_cast<std::uint64_t>(value) > static_cast<std::uint64_t>(last)) good_ = false;
    return good_ ? value : T{};
  }
  bool boolean() {
    const auto value = integer<std::uint8_t>();
    if (value > 1) good_ = false;
    return value == 1;
  }
  std::string text() {
    const auto length = integer<std::uint32_t>();
    return take(length) ? std::string(taken_) : std::string();
  }
  std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (auto left = integer<std::uint32_t>(); left > 0 && good_; --left) out.push_back(text());
    return out;
  }
  [[nodiscard]] bool good() const { return good_; }
  /// Good, and nothing left over.
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }

 private:
  bool take(std::size_t length) {
    if (!good_ || length > rest_.size()) {
      good_ = false;
      return false;
    }
    taken_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }
  std::string_view rest_;
  std::string_view taken_;
  bool good_ = true;
};

}  // namespace sluice::supervisor
