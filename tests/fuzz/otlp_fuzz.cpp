// Fuzzes spans of OpenTelemetry, in protobuf and JSON: what is read becomes traces whose spans are JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/api/mlflow/otlp.hpp"
#include "sluice/api/mlflow/trace_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const api::mlflow::OtlpLimits limits{.spans_max = 100, .values_max = 10'000};
  const auto spans = text.starts_with('{') ? api::mlflow::read_otlp_json(text, limits)
                                           : api::mlflow::read_otlp(text, limits);
  if (!spans) {
    SLUICE_CHECK(spans.error().code == Code::invalid_argument || spans.error().code == Code::too_large);
    return 0;
  }
  std::size_t stored = 0;
  for (const auto& logged : tracking::by_trace(*spans)) {
    stored += logged.spans.size();
    std::vector<std::string> contents;
    for (const auto& span : logged.spans) contents.push_back(span.content);
    const auto written = api::mlflow::spans_json(contents);
    SLUICE_CHECK(written && parse_json(*written));
    for (const auto& pair : logged.sum(logged.spans)) SLUICE_CHECK(parse_json(pair.value));
  }
  SLUICE_CHECK(stored == spans->size());
  return 0;
}
