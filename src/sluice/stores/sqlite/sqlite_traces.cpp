#include "sluice/stores/sqlite/sqlite_traces.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"
#include "sluice/stores/sqlite/trace_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;
using sqlite::Statement;

namespace {

using ports::Assessment;
using ports::Trace;
using ports::TraceSpan;
using ports::TraceState;

Statement& bind(Statement& statement, const std::optional<std::int64_t>& value) {
  return value ? statement.bind(*value) : statement.bind_null();
}
Statement& bind(Statement& statement, const std::optional<std::string>& value) {
  return value ? statement.bind(*value) : statement.bind_null();
}

Result<std::int64_t> insert_trace(Connection& connection, const Principal& principal, const Trace& trace) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO traces(id, workspace, principal, experiment, at_ms, duration_ms, state, client_request,
      request_preview, response_preview, spans) VALUES(?,?,?,?,?,?,?,?,?,?,0))sql"));
  insert.bind(trace.id).bind(principal.workspace).bind(principal.name).bind(trace.experiment);
  bind(insert.bind(trace.at_ms), trace.duration_ms).bind(sqlite::text_of(trace.state));
  bind(insert, trace.client_request);
  bind(insert, trace.request_preview);
  SLUICE_DO(bind(insert, trace.response_preview).run());
  return sqlite::number_of_trace(connection, principal.workspace, trace.id);
}

/// What the client says of the whole trace counts; previews that it does not give stay.
Result<void> update_trace(Connection& connection, std::int64_t number, const Trace& trace) {
  SLUICE_TRY(update, connection.prepare(R"sql(
    UPDATE traces SET experiment = ?, at_ms = ?, duration_ms = ?, state = ?, client_request = ?,
      request_preview = coalesce(?, request_preview), response_preview = coalesce(?, response_preview)
    WHERE number = ?)sql"));
  bind(update.bind(trace.experiment).bind(trace.at_ms), trace.duration_ms);
  bind(update.bind(sqlite::text_of(trace.state)), trace.client_request);
  bind(update, trace.request_preview);
  return bind(update, trace.response_preview).bind(number).run();
}

bool has(const std::vector<ports::KeyValue>& pairs, std::string_view key) {
  return std::ranges::any_of(pairs, [&](const auto& pair) { return pair.key == key; });
}

/// What spans say of their trace, which was known already: never against what a client said of the whole.
Result<void> widen_trace(Connection& connection, std::int64_t number, const Trace& spans_say) {
  SLUICE_TRY(known, sqlite::read_trace(connection, number));
  const bool is_final = has(known.metadata, "mlflow.trace.infoFinalized");
  if (!is_final) {
    const auto end_of = [](const Trace& trace) { return trace.at_ms + trace.duration_ms.value_or(0); };
    const auto end = std::max(end_of(known), end_of(spans_say));
    known.at_ms = std::min(known.at_ms, spans_say.at_ms);
    if (known.duration_ms || spans_say.duration_ms) known.duration_ms = end - known.at_ms;
  }
  const bool is_open = known.state == TraceState::in_progress || known.state == TraceState::unspecified;
  if (is_open && spans_say.state != TraceState::in_progress) known.state = spans_say.state;
  if (!known.request_preview) known.request_preview = spans_say.request_preview;
  if (!known.response_preview) known.response_preview = spans_say.response_preview;
  SLUICE_DO(update_trace(connection, number, known));
  for (const auto& pair : spans_say.metadata)
    if (!has(known.metadata, pair.key)) SLUICE_DO(sqlite::put_trace_metadata(connection, number, pair));
  return {};
}

/// Returns 1 for a new span, 0 for one that was there.
Result<std::int64_t> put_span(Connection& connection, std::int64_t trace, const TraceSpan& span) {
  {
    SLUICE_TRY(update, connection.prepare(R"sql(
      UPDATE trace_spans SET parent = ?, name = ?, type = ?, status = ?, started_ns = ?, ended_ns = ?,
        usage = ?, cost = ?, model = ?, provider = ?, content = ? WHERE trace = ? AND id = ?)sql"));
    update.bind(span.parent).bind(span.name).bind(span.type).bind(span.status).bind(span.started_ns);
    update.bind(span.ended_ns).bind(span.usage).bind(span.cost).bind(span.model).bind(span.provider);
    SLUICE_DO(update.bind(span.content).bind(trace).bind(span.id).run());
    if (connection.changes() > 0) return 0;
  }
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO trace_spans(trace, id, parent, name, type, status, started_ns, ended_ns, usage, cost, model,
      provider, content) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?))sql"));
  insert.bind(trace).bind(span.id).bind(span.parent).bind(span.name).bind(span.type).bind(span.status);
  insert.bind(span.started_ns).bind(span.ended_ns).bind(span.usage).bind(span.cost).bind(span.model);
  SLUICE_DO(insert.bind(span.provider).bind(span.content).run());
  return 1;
}

Result<std::vector<TraceSpan>> figures_of(Connection& connection, std::int64_t trace) {
  SLUICE_TRY(select, connection.prepare("SELECT id, parent, usage, cost FROM trace_spans WHERE trace = ?"));
  select.bind(trace);
  std::vector<TraceSpan> spans;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return spans;
    auto& span = spans.emplace_back();
    span.id = select.text(0);
    span.parent = select.text(1);
    span.usage = select.text(2);
    span.cost = select.text(3);
  }
}

/// Sums of what the spans used, unless the client has said them of the whole trace.
Result<void> put_sums(Connection& connection, std::int64_t number, const ports::TraceSpans& logged) {
  const auto uses = [](const TraceSpan& span) { return !span.usage.empty() || !span.cost.empty(); };
  if (!logged.sum || std::ranges::none_of(logged.spans, uses)) return {};
  SLUICE_TRY(known, sqlite::read_trace(connection, number));
  const bool is_final = has(known.metadata, "mlflow.trace.infoFinalized");
  SLUICE_TRY(spans, figures_of(connection, number));
  for (const auto& pair : logged.sum(spans))
    if (!is_final || !has(known.metadata, pair.key))
      SLUICE_DO(sqlite::put_trace_metadata(connection, number, pair));
  return {};
}

Result<void> add_to_trace(Connection& connection, const Principal& principal, const ports::TraceSpans& logged,
                          std::int64_t spans_max) {
  SLUICE_TRY(found, sqlite::find_trace(connection, principal.workspace, logged.trace.id));
  std::int64_t number = 0;
  if (found) {
    number = *found;
    SLUICE_DO(widen_trace(connection, number, logged.trace));
  } else {
    SLUICE_TRY(made, insert_trace(connection, principal, logged.trace));
    number = made;
    for (const auto& pair : logged.trace.metadata)
      SLUICE_DO(sqlite::put_trace_metadata(connection, number, pair));
  }
  for (const auto& tag : logged.trace.tags) SLUICE_DO(sqlite::put_trace_tag(connection, number, tag));
  std::int64_t added = 0;
  for (const auto& span : logged.spans) {
    SLUICE_TRY(one, put_span(connection, number, span));
    added += one;
  }
  {
    SLUICE_TRY(count, connection.prepare("UPDATE traces SET spans = spans + ? WHERE number = ? AND "
                                         "spans + ? <= ?"));
    SLUICE_DO(count.bind(added).bind(number).bind(added).bind(spans_max).run());
    if (connection.changes() == 0)
      return Fail(user_error(Code::too_large, fmt::format("Trace '{}' would have more than {} spans",
                                                          logged.trace.id, spans_max)));
  }
  return put_sums(connection, number, logged);
}

Error unknown_assessment(const std::string& trace, const std::string& id) {
  return user_error(Code::not_found,
                    fmt::format("Assessment with ID '{}' not found for trace '{}'", id, trace));
}

Result<void> set_valid(Connection& connection, std::int64_t trace, const std::string& id, bool valid) {
  SLUICE_TRY(update, connection.prepare("UPDATE trace_assessments SET valid = ? WHERE trace = ? AND id = ?"));
  return update.bind(std::int64_t{valid}).bind(trace).bind(id).run();
}

/// Adds one, and what it replaces is valid no longer.
Result<void> add_one(Connection& connection, std::int64_t number, const std::string& trace,
                     const Assessment& assessment) {
  if (!assessment.overrides.empty()) {
    SLUICE_TRY(replaced, sqlite::read_assessment(connection, number, assessment.overrides));
    if (!replaced) return Fail(unknown_assessment(trace, assessment.overrides));
    SLUICE_DO(set_valid(connection, number, assessment.overrides, false));
  }
  constexpr std::int64_t assessments_max = 10'000;
  {
    SLUICE_TRY(count, connection.prepare("SELECT count(*) FROM trace_assessments WHERE trace = ?"));
    SLUICE_TRY(has_row, count.bind(number).step());
    SLUICE_CHECK(has_row);
    if (count.integer(0) >= assessments_max)
      return Fail(user_error(Code::too_large, fmt::format("Trace '{}' would have more than {} assessments",
                                                          trace, assessments_max)));
  }
  return sqlite::insert_assessment(connection, number, assessment);
}

}  // namespace

Result<Trace> SqliteTraces::put_trace(const Principal& principal, const Trace& trace) {
  Trace stored;
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(found, sqlite::find_trace(connection, principal.workspace, trace.id));
    std::int64_t number = 0;
    if (found) {
      number = *found;
      SLUICE_DO(update_trace(connection, number, trace));
    } else {
      SLUICE_TRY(made, insert_trace(connection, principal, trace));
      number = made;
    }
    for (const auto& pair : trace.metadata) SLUICE_DO(sqlite::put_trace_metadata(connection, number, pair));
    for (const auto& tag : trace.tags) SLUICE_DO(sqlite::put_trace_tag(connection, number, tag));
    for (const auto& assessment : trace.assessments) {
      // A client that sends it all again says the same assessments.
      SLUICE_TRY(known, sqlite::read_assessment(connection, number, assessment.id));
      if (!known) SLUICE_DO(sqlite::insert_assessment(connection, number, assessment));
    }
    SLUICE_TRY(read, sqlite::read_trace(connection, number));
    stored = std::move(read);
    return {};
  }));
  return stored;
}

Result<void> SqliteTraces::add_spans(const Principal& principal,
                                     const std::vector<ports::TraceSpans>& traces) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    for (const auto& logged : traces) SLUICE_DO(add_to_trace(connection, principal, logged, spans_max_));
    return {};
  });
}

Result<Trace> SqliteTraces::trace(const std::string& workspace, const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<Trace> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, id));
    return sqlite::read_trace(connection, number);
  });
}

Result<std::vector<Trace>> SqliteTraces::traces_of(const std::string& workspace,
                                                   const std::vector<std::string>& ids) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<Trace>> {
    std::vector<Trace> traces;
    for (const auto& id : ids) {
      SLUICE_TRY(number, sqlite::find_trace(connection, workspace, id));
      if (!number) continue;
      SLUICE_TRY(trace, sqlite::read_trace(connection, *number));
      traces.push_back(std::move(trace));
    }
    return traces;
  });
}

Result<std::vector<std::string>> SqliteTraces::spans(const std::string& workspace, const std::string& id,
                                                     std::size_t bytes_max) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<std::string>> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, id));
    SLUICE_TRY(select, connection.prepare("SELECT content FROM trace_spans WHERE trace = ? ORDER BY "
                                          "parent <> '', started_ns, rowid"));
    select.bind(number);
    std::vector<std::string> spans;
    std::size_t bytes = 0;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return spans;
      spans.push_back(select.text(0));
      bytes += spans.back().size();
      if (bytes > bytes_max)
        return Fail(user_error(
            Code::too_large, fmt::format("the spans of trace '{}' have more than {} bytes", id, bytes_max)));
    }
  });
}

Result<void> SqliteTraces::set_tag(const std::string& workspace, const std::string& id,
                                   const ports::KeyValue& tag) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, id));
    return sqlite::put_trace_tag(connection, number, tag);
  });
}

Result<void> SqliteTraces::remove_tag(const std::string& workspace, const std::string& id,
                                      const std::string& key) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, id));
    SLUICE_TRY(remove, connection.prepare("DELETE FROM trace_tags WHERE trace = ? AND key = ?"));
    SLUICE_DO(remove.bind(number).bind(key).run());
    if (connection.changes() > 0) return {};
    return Fail(user_error(Code::not_found,
                           fmt::format("No trace tag with key '{}' for trace with ID '{}'", key, id)));
  });
}

Result<std::int64_t> SqliteTraces::remove(const std::string& workspace,
                                          const ports::TraceSelection& selection) {
  SqlText sql;
  sql.add("SELECT number, spans FROM traces WHERE workspace = ").value(workspace);
  sql.add(" AND experiment = ").value(selection.experiment);
  if (selection.at_ms_max) sql.add(" AND at_ms <= ").value(*selection.at_ms_max);
  if (!selection.ids.empty()) {
    sql.add(" AND id IN (");
    for (std::size_t i = 0; i < selection.ids.size(); ++i) sql.add(i == 0 ? "" : ",").value(selection.ids[i]);
    sql.add(")");
  }
  sql.add(" ORDER BY at_ms, id LIMIT ");
  // Others wait for no longer than so many take.
  constexpr std::int64_t traces_at_once = 500;
  constexpr std::int64_t spans_at_once = 10'000;
  std::int64_t removed = 0;
  for (auto left = selection.most.value_or(INT64_MAX); left > 0;) {
    const auto now = std::min(left, traces_at_once);
    auto limited = sql;
    limited.value(now);
    std::vector<std::int64_t> numbers;
    bool has_more = false;
    SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
      {
        SLUICE_TRY(select, limited.prepare(connection));
        for (std::int64_t spans = 0;;) {
          SLUICE_TRY(has_row, select.step());
          if (!has_row) break;
          if (has_more = spans >= spans_at_once; has_more) break;
          numbers.push_back(select.integer(0));
          spans += select.integer(1);
        }
      }
      for (const auto number : numbers) SLUICE_DO(sqlite::remove_trace(connection, number));
      return {};
    }));
    removed += static_cast<std::int64_t>(numbers.size());
    left -= static_cast<std::int64_t>(numbers.size());
    if (!has_more && static_cast<std::int64_t>(numbers.size()) < now) break;
  }
  return removed;
}

Result<void> SqliteTraces::link_run(const std::string& workspace, const std::vector<std::string>& ids,
                                    const std::string& run) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    for (const auto& id : ids) {
      SLUICE_TRY(number, sqlite::find_trace(connection, workspace, id));
      if (!number) continue;
      SLUICE_TRY(insert,
                 connection.prepare("INSERT INTO trace_runs(trace, run) VALUES(?,?) ON CONFLICT DO NOTHING"));
      SLUICE_DO(insert.bind(*number).bind(run).run());
    }
    return {};
  });
}

Result<void> SqliteTraces::link_prompts(const std::string& workspace, const std::string& id,
                                        const std::vector<std::string>& prompts) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, id));
    for (const auto& prompt : prompts) {
      SLUICE_TRY(insert, connection.prepare(
                             "INSERT INTO trace_prompts(trace, prompt) VALUES(?,?) ON CONFLICT DO NOTHING"));
      SLUICE_DO(insert.bind(number).bind(prompt).run());
    }
    return {};
  });
}

Result<Assessment> SqliteTraces::add_assessment(const std::string& workspace, const std::string& trace,
                                                const Assessment& assessment) {
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, trace));
    return add_one(connection, number, trace, assessment);
  }));
  return this->assessment(workspace, trace, assessment.id);
}

Result<Assessment> SqliteTraces::assessment(const std::string& workspace, const std::string& trace,
                                            const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<Assessment> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, trace));
    SLUICE_TRY(found, sqlite::read_assessment(connection, number, id));
    if (!found) return Fail(unknown_assessment(trace, id));
    return std::move(*found);
  });
}

Result<Assessment> SqliteTraces::change_assessment(const std::string& workspace, const std::string& trace,
                                                   const std::string& id,
                                                   const ports::AssessmentChange& change) {
  Assessment changed;
  SLUICE_DO(file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, trace));
    SLUICE_TRY(found, sqlite::read_assessment(connection, number, id));
    if (!found) return Fail(unknown_assessment(trace, id));
    changed = std::move(*found);
    if (change.kind && *change.kind != changed.kind)
      return Fail(user_error(Code::invalid_argument,
                             *change.kind == ports::AssessmentKind::expectation
                                 ? "Cannot update expectation value on a Feedback assessment."
                                 : "Cannot update feedback value on an Expectation assessment."));
    if (change.name) changed.name = *change.name;
    if (change.value) changed.value = *change.value;
    if (change.error) changed.error = *change.error;
    if (change.rationale) changed.rationale = change.rationale;
    for (const auto& pair : change.metadata) {
      const auto known = std::ranges::find(changed.metadata, pair.key, &ports::KeyValue::key);
      if (known == changed.metadata.end())
        changed.metadata.push_back(pair);
      else
        known->value = pair.value;
    }
    std::ranges::sort(changed.metadata, {}, &ports::KeyValue::key);
    changed.updated = change.at;
    return sqlite::update_assessment(connection, number, changed);
  }));
  return changed;
}

Result<void> SqliteTraces::remove_assessment(const std::string& workspace, const std::string& trace,
                                             const std::string& id) {
  return file_->write(durability_, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(number, sqlite::number_of_trace(connection, workspace, trace));
    SLUICE_TRY(found, sqlite::read_assessment(connection, number, id));
    if (!found) return {};
    if (!found->overrides.empty()) SLUICE_DO(set_valid(connection, number, found->overrides, true));
    SLUICE_TRY(remove, connection.prepare("DELETE FROM trace_assessments WHERE trace = ? AND id = ?"));
    return remove.bind(number).bind(id).run();
  });
}

}  // namespace sluice::stores
