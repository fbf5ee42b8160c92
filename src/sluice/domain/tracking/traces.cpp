#include "sluice/domain/tracking/traces.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/domain/tracking/rules.hpp"
#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t pairs_max = 1000;  // of metadata, or of tags, in one request
constexpr std::size_t id_max = 250;
constexpr std::size_t metadata_max = 250;
constexpr std::size_t name_max = 250;
constexpr std::string_view finalized = "mlflow.trace.infoFinalized";

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

/// Cut between characters.
std::string cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0U) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

Result<void> check_pairs(std::string_view what, const std::vector<ports::KeyValue>& pairs) {
  if (pairs.size() <= pairs_max) return {};
  return refusal(
      fmt::format("a trace has at most {} {} in one request, got {}", pairs_max, what, pairs.size()));
}

Result<void> check_name(std::string_view what, const std::string& name) {
  if (name.size() <= name_max) return {};
  return refusal(fmt::format("'{}' exceeds the maximum length of {} characters", what, name_max));
}

bool is_immutable(std::string_view key) {
  return key == spans_location_tag || key == "mlflow.trace.archiveLocation" ||
         key == "mlflow.trace.archivalFailure";
}

Result<void> check_mutable(const std::string& key, std::string_view what) {
  if (!is_immutable(key)) return {};
  return refusal(fmt::format("Tag '{}' is immutable and cannot be {} on a trace.", key, what));
}

const std::string* value_of(const std::vector<ports::KeyValue>& pairs, std::string_view key) {
  const auto found = std::ranges::find(pairs, key, &ports::KeyValue::key);
  return found == pairs.end() ? nullptr : &found->value;
}

/// How many spans the client says that it recorded.
std::int64_t expected_spans(const ports::Trace& trace) {
  const auto* stats = value_of(trace.metadata, "mlflow.trace.sizeStats");
  if (stats == nullptr) return 0;
  const auto parsed = parse_json(*stats, "sizeStats");
  return parsed ? parsed->integer_at("num_spans") : 0;
}

void keep_metadata(ports::Trace& trace) {
  for (auto& pair : trace.metadata) {
    pair.key = cut(std::move(pair.key), metadata_max);
    // These are numbers in JSON: a part of them would be none.
    if (pair.key != "mlflow.trace.tokenUsage" && pair.key != "mlflow.trace.cost")
      pair.value = cut(std::move(pair.value), metadata_max);
    else if (pair.value.size() > std::size_t{4} * metadata_max)
      pair.value = "{}";
  }
}

}  // namespace

Result<void> Traces::prepare(const Principal& principal, ports::Trace& trace) const {
  SLUICE_TRY(experiment, experiments_.experiment(principal.workspace, trace.experiment));
  if (!experiment.active)
    return Fail(
        user_error(Code::failed_precondition,
                   fmt::format("The experiment {} must be in the 'active' state. Current state is deleted.",
                               experiment.id)));
  const auto& root = experiment.artifact_location;
  std::erase_if(trace.tags, [](const auto& tag) { return tag.key == trace_location_tag; });
  trace.tags.push_back(
      {.key = std::string(trace_location_tag),
       .value = fmt::format("{}{}traces/{}/artifacts", root, root.ends_with('/') ? "" : "/", trace.id)});
  return {};
}

Result<ports::Trace> Traces::put(const Principal& principal, ports::Trace trace) {
  if (trace.id.empty() || trace.id.size() > id_max)
    return refusal(fmt::format("Invalid value for parameter 'trace_id': it has 1 to {} bytes", id_max));
  SLUICE_DO(check_pairs("tags", trace.tags));
  SLUICE_DO(check_pairs("metadata", trace.metadata));
  SLUICE_DO(check_pairs("assessments",
                        std::vector<ports::KeyValue>(std::min(trace.assessments.size(), pairs_max + 1))));
  for (auto& tag : trace.tags) {
    constexpr std::size_t key_max = 250;
    constexpr std::size_t value_max = 8000;
    tag.key = cut(std::move(tag.key), key_max);
    tag.value = cut(std::move(tag.value), value_max);
  }
  // Only this server says where spans are.
  std::erase_if(trace.tags, [](const auto& tag) { return tag.key == spans_location_tag; });
  keep_metadata(trace);
  trace.metadata.push_back({.key = std::string(finalized), .value = "true"});
  for (auto& assessment : trace.assessments) {
    SLUICE_TRY(made, prepared(std::move(assessment)));
    assessment = std::move(made);
  }
  SLUICE_DO(prepare(principal, trace));
  return store_.put_trace(principal, trace);
}

Result<void> Traces::add_spans(const Principal& principal, std::int64_t experiment,
                               const std::vector<NewSpan>& spans, const std::string& run) {
  SLUICE_DO(check_name("run_id", run));
  auto traces = by_trace(spans);
  std::vector<std::string> ended;
  for (auto& logged : traces) {
    logged.trace.experiment = experiment;
    SLUICE_DO(prepare(principal, logged.trace));
    logged.trace.tags.push_back({.key = std::string(spans_location_tag), .value = "TRACKING_STORE"});
    if (logged.trace.state != ports::TraceState::in_progress) ended.push_back(logged.trace.id);
  }
  SLUICE_DO(store_.add_spans(principal, traces));
  return run.empty() || ended.empty() ? Result<void>() : store_.link_run(principal.workspace, ended, run);
}

Result<std::vector<std::string>> Traces::spans(const Principal& principal, const ports::Trace& trace,
                                               bool partial) const {
  constexpr std::size_t bytes_max = std::size_t{256} << 20;
  if (!partial && (trace.spans == 0 || trace.spans < expected_spans(trace)))
    return Fail(user_error(
        Code::not_found,
        fmt::format("Trace with ID {} is not fully exported yet, please try again later.", trace.id)));
  return store_.spans(principal.workspace, trace.id, bytes_max);
}

Result<ports::Trace> Traces::begin(const Principal& principal, ports::Trace trace) {
  trace.id = new_run_id(random_);
  trace.state = ports::TraceState::in_progress;
  SLUICE_DO(check_pairs("tags", trace.tags));
  SLUICE_DO(check_pairs("metadata", trace.metadata));
  keep_metadata(trace);
  SLUICE_DO(prepare(principal, trace));
  return store_.put_trace(principal, trace);
}

Result<ports::Trace> Traces::end(const Principal& principal, const std::string& id, std::int64_t at_ms,
                                 const ports::Trace& more) {
  SLUICE_TRY(trace, store_.trace(principal.workspace, id));
  SLUICE_DO(check_pairs("tags", more.tags));
  SLUICE_DO(check_pairs("metadata", more.metadata));
  trace.state = more.state;
  trace.duration_ms = std::max<std::int64_t>(at_ms - trace.at_ms, 0);
  trace.metadata = more.metadata;
  trace.tags = more.tags;
  trace.assessments.clear();
  std::erase_if(trace.tags, [](const auto& tag) { return is_immutable(tag.key); });
  keep_metadata(trace);
  return store_.put_trace(principal, trace);
}

Result<void> Traces::set_tag(const Principal& principal, const std::string& id, ports::KeyValue tag) {
  SLUICE_DO(check_mutable(tag.key, "set"));
  SLUICE_TRY(checked, checked_tag(std::move(tag)));
  return store_.set_tag(principal.workspace, id, checked);
}

Result<void> Traces::remove_tag(const Principal& principal, const std::string& id, const std::string& key) {
  SLUICE_DO(check_mutable(key, "deleted"));
  return store_.remove_tag(principal.workspace, id, key);
}

Result<std::int64_t> Traces::remove(const Principal& principal, const ports::TraceSelection& selection) {
  if (!selection.at_ms_max && selection.ids.empty())
    return refusal("Either `max_timestamp_millis` or `trace_ids` must be specified.");
  if (selection.at_ms_max && !selection.ids.empty())
    return refusal("Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
  if (selection.most && !selection.ids.empty())
    return refusal("`max_traces` can't be specified if `trace_ids` is specified.");
  if (selection.most && *selection.most <= 0)
    return refusal(fmt::format("`max_traces` must be a positive integer, received {}.", *selection.most));
  constexpr std::size_t ids_max = 10'000;
  if (selection.ids.size() > ids_max)
    return refusal(fmt::format("Cannot delete more than {} traces in a single request.", ids_max));
  return store_.remove(principal.workspace, selection);
}

Result<void> Traces::link_run(const Principal& principal, const std::vector<std::string>& ids,
                              const std::string& run) {
  constexpr std::size_t links_max = 100;
  if (ids.size() > links_max)
    return refusal(
        fmt::format("Cannot link more than {} traces to a run in a single request. Provided {} traces.",
                    links_max, ids.size()));
  SLUICE_DO(check_name("run_id", run));
  return store_.link_run(principal.workspace, ids, run);
}

Result<void> Traces::link_prompts(const Principal& principal, const std::string& id,
                                  const std::vector<std::string>& prompts) {
  if (prompts.size() > pairs_max)
    return refusal(
        fmt::format("Cannot link more than {} prompts to a trace in a single request.", pairs_max));
  return store_.link_prompts(principal.workspace, id, prompts);
}

Result<ports::Assessment> Traces::prepared(ports::Assessment assessment) {
  SLUICE_DO(check_name("assessment_name", assessment.name));
  SLUICE_DO(check_name("source_id", assessment.source_id));
  SLUICE_DO(check_name("span_id", assessment.span));
  SLUICE_DO(check_name("overrides", assessment.overrides));
  SLUICE_DO(check_name("assessment_id", assessment.id));
  SLUICE_DO(check_pairs("metadata", assessment.metadata));
  if (assessment.id.empty()) assessment.id = "a-" + new_run_id(random_);
  const auto now = clock_.now();
  if (assessment.created == Time()) assessment.created = now;
  if (assessment.updated == Time()) assessment.updated = now;
  if (const auto* run = value_of(assessment.metadata, "mlflow.assessment.sourceRunId")) assessment.run = *run;
  return assessment;
}

Result<ports::Assessment> Traces::assess(const Principal& principal, const std::string& trace,
                                         ports::Assessment assessment) {
  SLUICE_TRY(made, prepared(std::move(assessment)));
  return store_.add_assessment(principal.workspace, trace, made);
}

Result<ports::Assessment> Traces::reassess(const Principal& principal, const std::string& trace,
                                           const std::string& id, ports::AssessmentChange change) {
  if (change.name) SLUICE_DO(check_name("assessment_name", *change.name));
  SLUICE_DO(check_pairs("metadata", change.metadata));
  change.at = clock_.now();
  return store_.change_assessment(principal.workspace, trace, id, change);
}

Result<void> Traces::remove_assessment(const Principal& principal, const std::string& trace,
                                       const std::string& id) {
  return store_.remove_assessment(principal.workspace, trace, id);
}

Result<TraceCorrelation> Traces::correlation(const Principal& principal,
                                             const std::vector<std::int64_t>& experiments,
                                             const std::vector<ports::SearchCondition>& first,
                                             const std::vector<ports::SearchCondition>& second,
                                             const std::vector<ports::SearchCondition>& base) const {
  const auto count =
      [&](std::initializer_list<const std::vector<ports::SearchCondition>*> parts) -> Result<std::int64_t> {
    std::vector<ports::SearchCondition> all;
    for (const auto* part : parts) all.insert(all.end(), part->begin(), part->end());
    return store_.count(principal.workspace, experiments, all);
  };
  TraceCorrelation found;
  SLUICE_TRY(all, count({&base}));
  SLUICE_TRY(ones, count({&base, &first}));
  SLUICE_TRY(others, count({&base, &second}));
  SLUICE_TRY(both, count({&base, &first, &second}));
  found = {.first = ones, .second = others, .both = both, .all = all};
  if (all == 0 || ones == 0 || others == 0) return found;
  const auto npmi_of = [](double one, double other, double joint, double total) {
    const double joint_share = joint / total;
    if (joint_share >= 1) return 1.0;
    const double pmi = std::log(joint_share / ((one / total) * (other / total)));
    return std::clamp(pmi / -std::log(joint_share), -1.0, 1.0);
  };
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  found.npmi = both == 0 ? -1.0 : npmi_of(number(ones), number(others), number(both), number(all));
  // Half a trace is added to each cell of the table.
  constexpr double half = 0.5;
  found.smoothed = npmi_of(number(ones) + 2 * half, number(others) + 2 * half, number(both) + half,
                           number(all) + 4 * half);
  return found;
}

}  // namespace sluice::tracking
