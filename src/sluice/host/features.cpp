#include "sluice/host/features.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::host {
namespace {

using namespace std::string_view_literals;
constexpr auto magic = "\x93NUMPY\x01\x00"sv;
constexpr std::size_t start_bytes = 10;  // magic, version, length of the header
constexpr std::size_t index_bytes_max = std::size_t{1} << 30;

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text, std::size_t& number) {
  const auto taken = take_integer<std::size_t>(text);
  number = taken.value_or(0);
  return taken.has_value();
}

}  // namespace

Result<std::vector<float>> from_npy(std::string_view bytes, std::string_view name, std::size_t& rows,
                                    std::size_t& columns) {
  const auto wrong_format = [&] {
    return Fail(invalid_argument(name, "not a table of f32 in NumPy's format 1.0; image.embed writes one"));
  };
  if (!bytes.starts_with(magic) || bytes.size() < start_bytes) return wrong_format();
  const auto header_bytes = std::size_t{static_cast<unsigned char>(bytes[8])} |
                            std::size_t{static_cast<unsigned char>(bytes[9])} << 8;
  if (bytes.size() - start_bytes < header_bytes) return wrong_format();
  auto header = bytes.substr(start_bytes, header_bytes);
  if (!take(header, "{'descr': '<f4', 'fortran_order': False, 'shape': (") || !take_number(header, rows) ||
      !take(header, ", ") || !take_number(header, columns) || !take(header, "), }"))
    return wrong_format();
  const auto data = bytes.substr(start_bytes + header_bytes);
  if (columns == 0 || rows > std::numeric_limits<std::size_t>::max() / sizeof(float) / columns ||
      data.size() != rows * columns * sizeof(float))
    return Fail(
        invalid_argument(name, fmt::format("the header announces {} x {} numbers, but {} bytes follow", rows,
                                           columns, data.size())));
  std::vector<float> out(rows * columns);
  if (!out.empty()) std::memcpy(out.data(), data.data(), data.size());
  for (const float x : out)
    if (!std::isfinite(x)) return Fail(invalid_argument(name, "contains numbers that are not finite"));
  return out;
}

Result<Features> read_features(std::string_view table, std::string_view index_text) {
  Features out;
  std::size_t rows = 0;
  SLUICE_TRY(values, from_npy(table, "features.npy", rows, out.columns));
  SLUICE_TRY(index, parse_json(index_text, "index.json", {.bytes_max = index_bytes_max}));
  if (!index.is_list())
    return Fail(
        invalid_argument("index.json", "must be a list with one {\"path\"} for each row of features.npy"));
  for (const auto& entry : *index.if_list()) {
    out.paths.push_back(entry.text_at("path"));
    if (out.paths.back().empty())
      return Fail(invalid_argument("index.json", "each entry must have a `path`"));
  }
  if (out.paths.size() != rows)
    return Fail(invalid_argument("index.json", fmt::format("lists {} pictures, but features.npy has {} rows",
                                                           out.paths.size(), rows)));
  out.values = std::move(values);
  return out;
}

}  // namespace sluice::host
