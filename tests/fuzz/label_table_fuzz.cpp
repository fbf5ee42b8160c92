// Tables of labels: whatever the bytes are, they are read or refused, and what is read is whole.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sluice/domain/datasets/label_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read =
      sluice::datasets::read_label_table({reinterpret_cast<const char*>(data), size}, "labels.csv");
  if (!read) return 0;
  std::size_t line = 0;
  for (const auto& row : read->rows) {
    if (row.example.empty() || row.labels.empty() || row.line <= line) std::abort();
    line = row.line;
  }
  return 0;
}
