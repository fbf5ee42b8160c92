#include "sluice/stores/git/pointer.hpp"

#include "sluice/base/numbers.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::string_view prefix = "version https://git-lfs.github.com/spec/v1\noid sha256:";
constexpr std::string_view size_line = "\nsize ";
constexpr std::size_t digits = 64;

}  // namespace

std::string write_pointer(const Pointer& pointer) {
  return std::string(prefix) + pointer.digest.hex() + std::string(size_line) + std::to_string(pointer.size) +
         "\n";
}

std::optional<Pointer> read_pointer(std::string_view bytes) {
  if (!bytes.starts_with(prefix)) return std::nullopt;
  auto rest = bytes.substr(prefix.size());
  const auto digest = Digest::from_hex(rest.substr(0, digits));
  if (!digest) return std::nullopt;
  rest.remove_prefix(digits);
  if (!rest.starts_with(size_line)) return std::nullopt;
  rest.remove_prefix(size_line.size());
  const auto size = take_integer<std::int64_t>(rest);
  if (!size || *size < 0) return std::nullopt;
  const Pointer pointer{.digest = *digest, .size = *size};
  return write_pointer(pointer) == bytes ? std::optional(pointer) : std::nullopt;
}

}  // namespace sluice::stores::git
