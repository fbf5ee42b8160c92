// Fuzzes rows of CSV with any text: what was read is written so that it is read again.
#include <cstdint>
#include <string_view>

#include "sluice/base/csv.hpp"
#include "sluice/base/result.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (const auto cells = take_csv_row(rest)) {
    const auto written = csv_row(*cells);
    std::string_view again = written;
    SLUICE_CHECK(take_csv_row(again) == cells && again.empty());
  }
  return 0;
}
