#include "sluice/domain/ai/feature_table.hpp"

#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/domain/ai/files.hpp"

namespace sluice::ai {
namespace {

using namespace std::string_view_literals;

std::string npy_header(std::size_t rows, std::size_t columns) {
  constexpr std::size_t alignment = 64;
  std::string out("\x93NUMPY\x01\x00\0\0"sv);  // the last two bytes: the length of what follows
  const auto start = out.size();
  out += fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  while ((out.size() + 1) % alignment != 0) out.push_back(' ');
  out.push_back('\n');
  const auto length = out.size() - start;
  out[start - 2] = static_cast<char>(length & 0xff);
  out[start - 1] = static_cast<char>(length >> 8);
  return out;
}

}  // namespace

Result<FeatureTable> FeatureTable::make(const std::filesystem::path& folder, std::size_t rows,
                                        std::size_t columns) {
  const auto header = npy_header(rows, columns);
  errno = 0;
  std::ofstream file(folder / "features.npy", std::ios::binary);
  file << header;
  if (!file) return Fail(system_error("write features.npy", errno != 0 ? errno : EIO));
  FeatureTable out(folder, std::move(file), columns);
  out.start_ = header.size();
  return out;
}

void FeatureTable::set(std::size_t row, std::span<const float> values) {
  SLUICE_CHECK(values.size() == columns_);
  if (row != next_) file_.seekp(static_cast<std::streamoff>(start_ + row * values.size_bytes()));
  file_.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size_bytes()));
  next_ = row + 1;
}

Result<void> FeatureTable::finish(const std::vector<std::string>& paths) {
  errno = 0;
  file_.close();
  if (!file_) return Fail(system_error("write features.npy", errno != 0 ? errno : EIO));
  List index;
  for (const auto& path : paths) {
    Struct entry;
    entry.set("path", path);
    index.emplace_back(std::move(entry));
  }
  return write_file(folder_ / "index.json", to_json(Value(std::move(index)), JsonStyle::pretty) + "\n");
}

}  // namespace sluice::ai
