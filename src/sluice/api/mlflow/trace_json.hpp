#pragma once
// The JSON shapes of traces, spans and assessments.
#include <string>
#include <vector>

#include "sluice/api/mlflow/fields.hpp"
#include "sluice/base/json.hpp"
#include "sluice/ports/traces.hpp"

namespace sluice::api::mlflow {

/// "2026-11-29T08:25:41.851Z"
std::string timestamp_text(std::int64_t ms);
std::string duration_text(std::int64_t ms);

/// A map of texts.
Result<std::vector<ports::KeyValue>> map_of(const Fields& fields, std::string_view name);

Result<ports::Trace> read_trace_info(const Fields& info);
void write_trace_info(JsonObject& object, const ports::Trace& trace);
/// In the shape of version 2.0.
void write_old_trace_info(JsonObject& object, const ports::Trace& trace);
/// A list of spans, as OpenTelemetry has them in JSON. Code::data_loss for contents that are none.
Result<std::string> spans_json(const std::vector<std::string>& contents);

/// The value of an assessment, in the form in which it is stored.
struct Judgement {
  ports::AssessmentKind kind = ports::AssessmentKind::feedback;
  std::string value;
  std::string error;
};
Result<Judgement> read_judgement(const Fields& assessment);
Result<ports::Assessment> read_assessment(const Fields& fields);
void write_assessment(JsonObject& object, const std::string& trace, const ports::Assessment& assessment);

std::string_view state_name(ports::TraceState state);
Result<ports::TraceState> state_named(const std::string& name);

}  // namespace sluice::api::mlflow
