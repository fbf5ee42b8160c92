#include "sluice/net/range.hpp"

#include <algorithm>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::net {

std::expected<std::optional<ByteRange>, Unsatisfiable> read_range(std::string_view header,
                                                                  std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  constexpr std::optional<ByteRange> whole;
  if (lower_ascii(header.substr(0, unit.size())) != unit) return whole;
  const auto range = header.substr(unit.size());
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto before = range.substr(0, dash);
  const auto after = range.substr(dash + 1);
  const auto last = parse_integer<std::uint64_t>(after);
  if (before.empty()) {  // the last bytes
    if (!last) return whole;
    if (*last == 0 || size == 0) return std::unexpected(Unsatisfiable{});
    const auto count = std::min(*last, size);
    return ByteRange{.first = size - count, .size = count};
  }
  const auto first = parse_integer<std::uint64_t>(before);
  if (!first || (!after.empty() && (!last || *last < *first))) return whole;
  if (*first >= size) return std::unexpected(Unsatisfiable{});
  const auto end = after.empty() ? size - 1 : std::min(*last, size - 1);
  return ByteRange{.first = *first, .size = end - *first + 1};
}

}  // namespace sluice::net
