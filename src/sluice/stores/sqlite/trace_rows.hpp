#pragma once
// Rows of traces and of their parts.
#include <cstdint>
#include <optional>
#include <string>

#include "sluice/ports/traces.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// "OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"
std::string_view text_of(ports::TraceState state);
/// "feedback", "expectation", "issue"
std::string_view text_of(ports::AssessmentKind kind);

/// The number of a trace's row, or nothing.
Result<std::optional<std::int64_t>> find_trace(Connection& connection, const std::string& workspace,
                                               const std::string& id);
/// Code::not_found if it is not in the workspace.
Result<std::int64_t> number_of_trace(Connection& connection, const std::string& workspace,
                                     const std::string& id);
Result<ports::Trace> read_trace(Connection& connection, std::int64_t number);

/// Removes it with all that is its own, artifacts too.
Result<void> remove_trace(Connection& connection, std::int64_t number);

Result<void> put_trace_tag(Connection& connection, std::int64_t trace, const ports::KeyValue& tag);
Result<void> put_trace_metadata(Connection& connection, std::int64_t trace, const ports::KeyValue& pair);

Result<std::vector<ports::Assessment>> read_assessments(Connection& connection, std::int64_t trace);
Result<std::optional<ports::Assessment>> read_assessment(Connection& connection, std::int64_t trace,
                                                         const std::string& id);
/// Code::already_exists if the trace has one with this id.
Result<void> insert_assessment(Connection& connection, std::int64_t trace,
                               const ports::Assessment& assessment);

/// Writes what of an assessment can change.
Result<void> update_assessment(Connection& connection, std::int64_t trace,
                               const ports::Assessment& assessment);

}  // namespace sluice::stores::sqlite
