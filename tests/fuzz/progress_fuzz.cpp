// Fuzzes a line of a task's progress file with any text: what is read is bounded, and is printed as JSON.
#include <cstdint>
#include <string_view>

#include "sluice/base/json.hpp"
#include "sluice/executors/process/progress_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const auto report = executors::parse_progress({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  SLUICE_CHECK(report->done >= 0 && report->total >= 0 && report->unit.size() <= 32);
  SLUICE_CHECK(parse_json(to_json(Value(report->unit)), "unit").has_value());
  return 0;
}
