#pragma once
// Spans as OpenTelemetry's exporters send them (ExportTraceServiceRequest), in protobuf or JSON. Both are
// read with limits: noise is an error, and costs no more than its bytes.
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/domain/tracking/spans.hpp"

namespace sluice::api::mlflow {

struct OtlpLimits {
  std::size_t spans_max = 20'000;
  std::size_t values_max = 500'000;  ///< attributes, their parts, events and links, all together
  std::size_t depth_max = 50;        ///< of a value
};

/// Code::invalid_argument for what is not such a message, Code::too_large beyond the limits. No span is left
/// out.
Result<std::vector<tracking::NewSpan>> read_otlp(std::string_view bytes, const OtlpLimits& limits = {});
Result<std::vector<tracking::NewSpan>> read_otlp_json(std::string_view text, const OtlpLimits& limits = {});

}  // namespace sluice::api::mlflow
