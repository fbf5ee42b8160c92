// Searches for traces.
#include "sluice/stores/sqlite/trace_queries.hpp"

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/sqlite_traces.hpp"
#include "sluice/stores/sqlite/trace_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;

namespace {

using ports::SearchCondition;
using ports::SearchField;
using Comparator = SearchCondition::Comparator;

constexpr std::string_view source_run = "mlflow.sourceRun";
constexpr std::string_view linked_prompts = "mlflow.linkedPrompts";

std::string_view column_of(std::string_view attribute) {
  if (attribute == "request_id") return "t.id";
  if (attribute == "timestamp_ms") return "t.at_ms";
  if (attribute == "execution_time_ms") return "t.duration_ms";
  if (attribute == "end_time_ms") return "(t.at_ms + coalesce(t.duration_ms, 0))";
  if (attribute == "status") return "t.state";
  if (attribute == "client_request_id") return "t.client_request";
  return "t.experiment";
}

/// "name", "type" and "status" are columns; what the attribute of a span holds is JSON, and a text in it is
/// compared without its quotes.
void compare_span(SqlText& sql, const SearchCondition& condition) {
  constexpr std::string_view attributes = "attributes.";
  if (!condition.key.starts_with(attributes)) {
    sql.compare("s." + condition.key, condition);
    return;
  }
  sql.add("EXISTS(SELECT 1 FROM json_each(s.content, '$.attributes') e WHERE e.key = ");
  sql.value(condition.key.substr(attributes.size())).add(" AND ");
  sql.compare(
      "CASE WHEN json_valid(e.value) AND json_type(e.value) = 'text' THEN json_extract(e.value, '$') ELSE "
      "e.value END",
      condition);
  sql.add(")");
}

bool is_order(Comparator comparator) {
  return comparator == Comparator::less || comparator == Comparator::less_or_equal ||
         comparator == Comparator::greater || comparator == Comparator::greater_or_equal;
}

/// Values of assessments are JSON: a text is compared with both its forms.
void compare_judgement(SqlText& sql, const SearchCondition& condition) {
  sql.add(" AND a.valid = 1 AND a.kind = ");
  sql.value(condition.field == SearchField::feedback ? std::string("feedback") : std::string("expectation"));
  sql.add(" AND a.name = ").value(condition.key);
  if (condition.comparator == Comparator::is_null || condition.comparator == Comparator::is_not_null) return;
  if (is_order(condition.comparator)) {
    sql.add(" AND json_type(a.value) IN ('integer', 'real') AND ");
    sql.compare("json_extract(a.value, '$')", condition);
    return;
  }
  const auto* text = std::get_if<std::string>(&condition.operand);
  if (text != nullptr &&
      (condition.comparator == Comparator::equal || condition.comparator == Comparator::not_equal)) {
    sql.add(condition.comparator == Comparator::equal ? " AND a.value IN (" : " AND a.value NOT IN (");
    sql.value(*text).add(",").value(to_json(Value(*text))).add(")");
    return;
  }
  sql.add(" AND ").compare(
      "CASE WHEN json_type(a.value) = 'text' THEN json_extract(a.value, '$') ELSE a.value END", condition);
}

/// Of the trace itself, or of any trace of its session, if it was said of the whole session.
void add_judgement(SqlText& sql, const std::string& workspace, const SearchCondition& condition) {
  sql.add(condition.comparator == Comparator::is_null ? " AND NOT (" : " AND (");
  sql.add("EXISTS(SELECT 1 FROM trace_assessments a WHERE a.trace = t.number");
  compare_judgement(sql, condition);
  // CROSS: from the few assessments of that name to their sessions, not from all traces.
  sql.add(
      ") OR t.number IN (SELECT other.trace FROM trace_assessments a CROSS JOIN traces judged ON "
      "judged.number = a.trace CROSS JOIN trace_metadata session ON session.trace = a.trace AND session.key "
      "= "
      "'mlflow.trace.session' CROSS JOIN trace_metadata other ON other.key = 'mlflow.trace.session' AND "
      "other.value = session.value WHERE judged.workspace = ");
  sql.value(workspace).add(" AND instr(a.metadata, '\"mlflow.trace.session\":') > 0");
  compare_judgement(sql, condition);
  sql.add("))");
}

void add_pair(SqlText& sql, const SearchCondition& condition) {
  const bool of_metadata = condition.field == SearchField::metadata;
  if (!of_metadata && condition.key == linked_prompts && condition.comparator == Comparator::equal) {
    sql.add(" AND EXISTS(SELECT 1 FROM trace_prompts p WHERE p.trace = t.number AND p.prompt = ");
    sql.value(condition.operand).add(")");
    return;
  }
  const bool is_null = condition.comparator == Comparator::is_null;
  sql.add(is_null ? " AND (NOT EXISTS(" : " AND (EXISTS(").add("SELECT 1 FROM ");
  sql.add(of_metadata ? "trace_metadata" : "trace_tags").add(" v WHERE v.trace = t.number AND v.key = ");
  sql.value(condition.key);
  if (!is_null && condition.comparator != Comparator::is_not_null)
    sql.add(" AND ").compare("v.value", condition);
  sql.add(")");
  if (of_metadata && condition.key == source_run && condition.comparator == Comparator::equal)
    sql.add(" OR EXISTS(SELECT 1 FROM trace_runs r WHERE r.trace = t.number AND r.run = ")
        .value(condition.operand)
        .add(")");
  sql.add(")");
}

void add_condition(SqlText& sql, const std::string& workspace, const SearchCondition& condition) {
  switch (condition.field) {
    case SearchField::attribute: sql.add(" AND ").compare(column_of(condition.key), condition); return;
    case SearchField::tag:
    case SearchField::metadata: add_pair(sql, condition); return;
    case SearchField::feedback:
    case SearchField::expectation: add_judgement(sql, workspace, condition); return;
    default: return;
  }
}

void add_order(SqlText& sql, const ports::SearchOrder& order) {
  if (order.field == SearchField::attribute) {
    sql.add(column_of(order.key));
  } else {
    sql.add("(SELECT v.value FROM ");
    sql.add(order.field == SearchField::metadata ? "trace_metadata" : "trace_tags");
    sql.add(" v WHERE v.trace = t.number AND v.key = ").value(order.key).add(")");
  }
  sql.add(order.ascending ? " ASC" : " DESC");
  // All others are never null, and an index is in their order.
  if (order.field != SearchField::attribute || order.key == "execution_time_ms" ||
      order.key == "client_request_id")
    sql.add(" NULLS LAST");
}

}  // namespace

void sqlite::add_fitting_traces(SqlText& sql, const std::string& workspace,
                                const std::vector<std::int64_t>& experiments,
                                const std::vector<SearchCondition>& conditions) {
  // +: the index of the experiments is the one to use.
  sql.add("+t.workspace = ").value(workspace).add(" AND t.experiment IN (");
  for (std::size_t i = 0; i < experiments.size(); ++i) sql.add(i == 0 ? "" : ",").value(experiments[i]);
  sql.add(")");
  bool has_span = false;
  for (const auto& condition : conditions) {
    add_condition(sql, workspace, condition);
    has_span = has_span || condition.field == SearchField::span;
  }
  if (!has_span) return;
  // One span fits all of them.
  sql.add(" AND EXISTS(SELECT 1 FROM trace_spans s WHERE s.trace = t.number");
  for (const auto& condition : conditions) {
    if (condition.field != SearchField::span) continue;
    sql.add(" AND ");
    compare_span(sql, condition);
  }
  sql.add(")");
}

Result<std::vector<ports::Trace>> SqliteTraces::traces(const std::string& workspace,
                                                       const std::vector<std::int64_t>& experiments,
                                                       const ports::Search& search) const {
  SqlText sql;
  sql.add("SELECT t.number FROM traces t WHERE ");
  sqlite::add_fitting_traces(sql, workspace, experiments, search.conditions);
  for (std::size_t i = 0; i < search.order.size(); ++i) {
    sql.add(i == 0 ? " ORDER BY " : ", ");
    add_order(sql, search.order[i]);
  }
  sql.add(" LIMIT ").value(static_cast<std::int64_t>(search.limit));
  sql.add(" OFFSET ").value(static_cast<std::int64_t>(search.offset));
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::Trace>> {
    SLUICE_TRY(select, sql.prepare(connection));
    std::vector<ports::Trace> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      SLUICE_TRY(trace, sqlite::read_trace(connection, select.integer(0)));
      found.push_back(std::move(trace));
    }
  });
}

Result<std::int64_t> SqliteTraces::count(const std::string& workspace,
                                         const std::vector<std::int64_t>& experiments,
                                         const std::vector<SearchCondition>& conditions) const {
  SqlText sql;
  sql.add("SELECT count(*) FROM traces t WHERE ");
  sqlite::add_fitting_traces(sql, workspace, experiments, conditions);
  return file_->read([&](Connection& connection) -> Result<std::int64_t> {
    SLUICE_TRY(select, sql.prepare(connection));
    SLUICE_TRY(has_row, select.step());
    SLUICE_CHECK(has_row);
    return select.integer(0);
  });
}

}  // namespace sluice::stores
