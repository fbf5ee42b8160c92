#include "sluice/stores/sqlite/trace_rows.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/own_artifacts.hpp"

namespace sluice::stores::sqlite {
namespace {

using ports::Assessment;
using ports::AssessmentKind;
using ports::KeyValue;
using ports::TraceState;

TraceState state_of(std::string_view text) {
  for (const auto state : {TraceState::ok, TraceState::error, TraceState::in_progress})
    if (text_of(state) == text) return state;
  return TraceState::unspecified;
}

AssessmentKind kind_of(std::string_view text) {
  for (const auto kind : {AssessmentKind::expectation, AssessmentKind::issue})
    if (text_of(kind) == text) return kind;
  return AssessmentKind::feedback;
}

std::optional<std::string> text_or_nothing(const Statement& select, int column) {
  return select.is_null(column) ? std::nullopt : std::optional(select.text(column));
}

Result<std::vector<KeyValue>> pairs_of(Statement select, std::int64_t trace) {
  select.bind(trace);
  std::vector<KeyValue> pairs;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return pairs;
    pairs.push_back({.key = select.text(0), .value = select.text(1)});
  }
}

std::string metadata_text(std::vector<KeyValue> pairs) {
  std::ranges::sort(pairs, {}, &KeyValue::key);
  Struct object;
  for (auto& pair : pairs) object.set(std::move(pair.key), Value(std::move(pair.value)));
  return to_json(Value(std::move(object)));
}

Result<std::vector<KeyValue>> metadata_of(const std::string& text) {
  SLUICE_TRY(parsed, parse_json(text, "metadata of an assessment"));
  std::vector<KeyValue> pairs;
  if (const auto* object = parsed.if_struct())
    for (const auto& [key, value] : *object)
      if (const auto* written = value.if_string()) pairs.push_back({.key = key, .value = *written});
  return pairs;
}

constexpr const char* select_assessments =
    "SELECT id, kind, name, value, error, source_type, source_id, run, span, rationale, metadata, overrides, "
    "valid, created_ms, updated_ms FROM trace_assessments WHERE trace = ? ORDER BY number";
constexpr const char* select_assessment =
    "SELECT id, kind, name, value, error, source_type, source_id, run, span, rationale, metadata, overrides, "
    "valid, created_ms, updated_ms FROM trace_assessments WHERE trace = ? AND id = ?";

Result<Assessment> assessment_of(const Statement& row) {
  SLUICE_TRY(metadata, metadata_of(row.text(10)));
  return Assessment{.id = row.text(0),
                    .kind = kind_of(row.text(1)),
                    .name = row.text(2),
                    .value = row.text(3),
                    .error = row.text(4),
                    .source_type = row.text(5),
                    .source_id = row.text(6),
                    .run = row.text(7),
                    .span = row.text(8),
                    .rationale = text_or_nothing(row, 9),
                    .metadata = std::move(metadata),
                    .overrides = row.text(11),
                    .valid = row.integer(12) != 0,
                    .created = time_of(row.integer(13)),
                    .updated = time_of(row.integer(14))};
}

}  // namespace

std::string_view text_of(TraceState state) {
  switch (state) {
    case TraceState::ok: return "OK";
    case TraceState::error: return "ERROR";
    case TraceState::in_progress: return "IN_PROGRESS";
    case TraceState::unspecified: break;
  }
  return "STATE_UNSPECIFIED";
}

std::string_view text_of(AssessmentKind kind) {
  switch (kind) {
    case AssessmentKind::expectation: return "expectation";
    case AssessmentKind::issue: return "issue";
    case AssessmentKind::feedback: break;
  }
  return "feedback";
}

Result<std::optional<std::int64_t>> find_trace(Connection& connection, const std::string& workspace,
                                               const std::string& id) {
  SLUICE_TRY(select, connection.prepare("SELECT number FROM traces WHERE workspace = ? AND id = ?"));
  SLUICE_TRY(has_row, select.bind(workspace).bind(id).step());
  return has_row ? std::optional(select.integer(0)) : std::nullopt;
}

Result<std::int64_t> number_of_trace(Connection& connection, const std::string& workspace,
                                     const std::string& id) {
  SLUICE_TRY(number, find_trace(connection, workspace, id));
  if (!number) return Fail(user_error(Code::not_found, fmt::format("Trace with ID '{}' not found.", id)));
  return *number;
}

Result<ports::Trace> read_trace(Connection& connection, std::int64_t number) {
  ports::Trace trace;
  {
    SLUICE_TRY(select, connection.prepare("SELECT id, experiment, at_ms, duration_ms, state, client_request, "
                                          "request_preview, response_preview, spans FROM traces "
                                          "WHERE number = ?"));
    SLUICE_TRY(has_row, select.bind(number).step());
    SLUICE_CHECK(has_row);
    trace.id = select.text(0);
    trace.experiment = select.integer(1);
    trace.at_ms = select.integer(2);
    if (!select.is_null(3)) trace.duration_ms = select.integer(3);
    trace.state = state_of(select.text(4));
    trace.client_request = text_or_nothing(select, 5);
    trace.request_preview = text_or_nothing(select, 6);
    trace.response_preview = text_or_nothing(select, 7);
    trace.spans = select.integer(8);
  }
  SLUICE_TRY(metadata,
             connection.prepare("SELECT key, value FROM trace_metadata WHERE trace = ? ORDER BY key"));
  SLUICE_TRY(read_metadata, pairs_of(std::move(metadata), number));
  trace.metadata = std::move(read_metadata);
  SLUICE_TRY(tags, connection.prepare("SELECT key, value FROM trace_tags WHERE trace = ? ORDER BY key"));
  SLUICE_TRY(read_tags, pairs_of(std::move(tags), number));
  trace.tags = std::move(read_tags);
  SLUICE_TRY(assessments, read_assessments(connection, number));
  trace.assessments = std::move(assessments);
  return trace;
}

Result<void> remove_trace(Connection& connection, std::int64_t number) {
  {
    SLUICE_TRY(select,
               connection.prepare("SELECT workspace, id, value FROM traces JOIN trace_tags ON trace = number "
                                  "WHERE number = ? AND key = 'mlflow.artifactLocation'"));
    SLUICE_TRY(has_row, select.bind(number).step());
    const auto workspace = has_row ? select.text(0) : "";
    const auto folder = has_row ? own_folder(select.text(2), "traces/" + select.text(1)) : "";
    if (!folder.empty()) SLUICE_DO(remove_artifacts(connection, workspace, folder));
  }
  // Each statement is a literal of its own.
  constexpr std::array statements{
      "DELETE FROM trace_tags WHERE trace = ?",  "DELETE FROM trace_metadata WHERE trace = ?",
      "DELETE FROM trace_spans WHERE trace = ?", "DELETE FROM trace_assessments WHERE trace = ?",
      "DELETE FROM trace_runs WHERE trace = ?",  "DELETE FROM trace_prompts WHERE trace = ?",
      "DELETE FROM traces WHERE number = ?"};
  for (const auto* const sql : statements) {
    SLUICE_TRY(remove, connection.prepare(sql));
    SLUICE_DO(remove.bind(number).run());
  }
  return {};
}

Result<void> put_trace_tag(Connection& connection, std::int64_t trace, const KeyValue& tag) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO trace_tags(trace, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(trace, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(trace).bind(tag.key).bind(tag.value).run();
}

Result<void> put_trace_metadata(Connection& connection, std::int64_t trace, const KeyValue& pair) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO trace_metadata(trace, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(trace, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(trace).bind(pair.key).bind(pair.value).run();
}

Result<std::vector<Assessment>> read_assessments(Connection& connection, std::int64_t trace) {
  SLUICE_TRY(select, connection.prepare(select_assessments));
  select.bind(trace);
  std::vector<Assessment> found;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return found;
    SLUICE_TRY(assessment, assessment_of(select));
    found.push_back(std::move(assessment));
  }
}

Result<std::optional<Assessment>> read_assessment(Connection& connection, std::int64_t trace,
                                                  const std::string& id) {
  SLUICE_TRY(select, connection.prepare(select_assessment));
  SLUICE_TRY(has_row, select.bind(trace).bind(id).step());
  if (!has_row) return std::nullopt;
  SLUICE_TRY(assessment, assessment_of(select));
  return assessment;
}

Result<void> insert_assessment(Connection& connection, std::int64_t trace, const Assessment& assessment) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO trace_assessments(trace, id, kind, name, value, error, source_type, source_id, run, span,
      rationale, metadata, overrides, valid, created_ms, updated_ms)
    VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(trace, id) DO NOTHING)sql"));
  const auto metadata = metadata_text(assessment.metadata);
  insert.bind(trace).bind(assessment.id).bind(text_of(assessment.kind)).bind(assessment.name);
  insert.bind(assessment.value).bind(assessment.error).bind(assessment.source_type);
  insert.bind(assessment.source_id).bind(assessment.run).bind(assessment.span);
  if (assessment.rationale)
    insert.bind(*assessment.rationale);
  else
    insert.bind_null();
  insert.bind(metadata).bind(assessment.overrides).bind(std::int64_t{assessment.valid});
  SLUICE_DO(insert.bind(milliseconds(assessment.created)).bind(milliseconds(assessment.updated)).run());
  if (connection.changes() == 0)
    return Fail(user_error(Code::already_exists,
                           fmt::format("Assessment with ID '{}' exists already.", assessment.id)));
  return {};
}

Result<void> update_assessment(Connection& connection, std::int64_t trace, const Assessment& assessment) {
  SLUICE_TRY(update, connection.prepare(R"sql(
    UPDATE trace_assessments SET name = ?, value = ?, error = ?, rationale = ?, metadata = ?, updated_ms = ?
    WHERE trace = ? AND id = ?)sql"));
  const auto metadata = metadata_text(assessment.metadata);
  update.bind(assessment.name).bind(assessment.value).bind(assessment.error);
  if (assessment.rationale)
    update.bind(*assessment.rationale);
  else
    update.bind_null();
  return update.bind(metadata).bind(milliseconds(assessment.updated)).bind(trace).bind(assessment.id).run();
}

}  // namespace sluice::stores::sqlite
