#include "sluice/domain/tracking/trace_metrics.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/search_filter.hpp"
#include "sluice/domain/tracking/search_grammar.hpp"
#include "sluice/domain/tracking/search_tokens.hpp"

namespace sluice::tracking {
namespace {

using View = ports::TraceMetricQuery::View;
using Aggregation = ports::TraceMetricQuery::Aggregation;
using Kind = SearchToken::Kind;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

struct Metric {
  View view;
  std::string_view name;
  std::set<Aggregation> aggregations;
  std::set<std::string_view> dimensions;
};

const std::vector<Metric>& known_metrics() {
  static const std::set count{Aggregation::count};
  static const std::set spread{Aggregation::average, Aggregation::least, Aggregation::greatest,
                               Aggregation::percentile};
  static const std::set sums{Aggregation::sum, Aggregation::average, Aggregation::least,
                             Aggregation::greatest, Aggregation::percentile};
  static const std::set<std::string_view> of_models{"span_model_name", "span_model_provider"};
  static const std::vector<Metric> metrics{
      {View::traces, "trace_count", count, {"trace_name", "trace_status"}},
      {View::traces, "session_count", count, {}},
      {View::traces, "latency", spread, {"trace_name"}},
      {View::traces, "input_tokens", sums, {"trace_name"}},
      {View::traces, "output_tokens", sums, {"trace_name"}},
      {View::traces, "total_tokens", sums, {"trace_name"}},
      {View::traces, "cache_read_input_tokens", sums, {"trace_name"}},
      {View::traces, "cache_creation_input_tokens", sums, {"trace_name"}},
      {View::spans,
       "span_count",
       count,
       {"span_name", "span_type", "span_status", "span_model_name", "span_model_provider"}},
      {View::spans, "latency", spread, {"span_name", "span_status"}},
      {View::spans, "input_cost", sums, of_models},
      {View::spans, "output_cost", sums, of_models},
      {View::spans, "total_cost", sums, of_models},
      {View::assessments, "assessment_count", count, {"assessment_name", "assessment_value"}},
      {View::assessments, "assessment_value", spread, {"assessment_name"}},
  };
  return metrics;
}

template <typename Names>
std::string list_of(const Names& names) {
  return fmt::format("['{}']", fmt::join(names, "', '"));
}

std::set<std::string_view> names_of(const std::set<Aggregation>& aggregations) {
  std::set<std::string_view> names;
  for (const auto aggregation : aggregations) names.insert(name_of(aggregation));
  return names;
}

std::string_view without_quotes(std::string_view name) {
  for (const char quote : {'`', '"', '\''})
    if (name.size() >= 2 && name.starts_with(quote) && name.ends_with(quote))
      return name.substr(1, name.size() - 2);
  return name;
}

/// The parts of a name: "trace", "tag" and the key, which may have dots.
struct Parts {
  std::string_view view;
  std::string_view entity;
  std::string_view key;
};
std::optional<Parts> parts_of(std::string_view identifier) {
  const auto first = identifier.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  Parts parts{.view = without_quotes(identifier.substr(0, first)), .entity = {}, .key = {}};
  const auto second = identifier.find('.', first + 1);
  parts.entity = identifier.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
  if (second != std::string_view::npos) parts.key = without_quotes(identifier.substr(second + 1));
  return parts;
}

Result<ports::SearchCondition> target_of(std::string_view identifier) {
  const auto parts = parts_of(identifier);
  if (!parts)
    return refusal(
        fmt::format("Invalid identifier '{}'. Columns should be specified as 'trace.<key>', "
                    "'span.<key>', 'assessment.<key>'.",
                    shown(identifier)));
  using ports::SearchField;
  struct Entity {
    std::string_view view;
    std::string_view name;
    SearchField field;
    std::string_view key;  ///< "": the one that is written
  };
  constexpr std::array<Entity, 8> entities{{{"trace", "status", SearchField::attribute, "status"},
                                            {"trace", "tag", SearchField::tag, ""},
                                            {"trace", "metadata", SearchField::metadata, ""},
                                            {"span", "name", SearchField::span, "name"},
                                            {"span", "status", SearchField::span, "status"},
                                            {"span", "type", SearchField::span, "type"},
                                            {"assessment", "name", SearchField::feedback, "name"},
                                            {"assessment", "type", SearchField::feedback, "kind"}}};
  const auto of_view = [&](const Entity& entity) { return entity.view == parts->view; };
  if (std::ranges::none_of(entities, of_view))
    return refusal(fmt::format("Invalid view type '{}'. Valid values are ['trace', 'span', 'assessment']",
                               shown(parts->view)));
  const auto found = std::ranges::find_if(
      entities, [&](const Entity& entity) { return of_view(entity) && entity.name == parts->entity; });
  if (found == entities.end()) {
    std::vector<std::string_view> valid;
    for (const auto& entity : entities)
      if (of_view(entity)) valid.push_back(entity.name);
    return refusal(fmt::format("Invalid entity '{}' specified for view type '{}'. Valid entities are {}",
                               shown(parts->entity), parts->view, list_of(valid)));
  }
  if (found->key.empty() && parts->key.empty())
    return refusal(fmt::format("Filtering by {} requires a key, e.g. '{}.{}.<key> = <value>'", found->name,
                               found->view, found->name));
  if (!found->key.empty() && !parts->key.empty())
    return refusal(fmt::format("Filtering by {} does not require a key, use '{}.{}' instead", found->name,
                               found->view, found->name));
  return ports::SearchCondition{.field = found->field,
                                .key = std::string(found->key.empty() ? parts->key : found->key)};
}

}  // namespace

std::string_view name_of(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::count: return "COUNT";
    case Aggregation::sum: return "SUM";
    case Aggregation::average: return "AVG";
    case Aggregation::least: return "MIN";
    case Aggregation::greatest: return "MAX";
    case Aggregation::percentile: return "PERCENTILE";
  }
  return "";
}

Result<void> check_trace_metrics(const ports::TraceMetricQuery& query) {
  const auto& metrics = known_metrics();
  const auto found = std::ranges::find_if(metrics, [&](const Metric& metric) {
    return metric.view == query.view && metric.name == query.metric;
  });
  if (found == metrics.end()) {
    std::vector<std::string_view> names;
    for (const auto& metric : metrics)
      if (metric.view == query.view) names.push_back(metric.name);
    return refusal(
        fmt::format("metric_name must be one of {}, got '{}'", list_of(names), shown(query.metric)));
  }
  constexpr std::size_t wanted_max = 20;
  if (query.wanted.size() > wanted_max)
    return refusal(fmt::format("at most {} aggregations can be asked for at once", wanted_max));
  std::set<std::string_view> refused;
  for (const auto& wanted : query.wanted) {
    if (!found->aggregations.contains(wanted.aggregation)) refused.insert(name_of(wanted.aggregation));
    if (!(wanted.percentile >= 0 && wanted.percentile <= 100))
      return refusal(fmt::format("Percentile value must be between 0 and 100, got {}", wanted.percentile));
  }
  if (!refused.empty())
    return refusal(fmt::format("Found invalid aggregation_type(s): {}. Supported aggregation types: {}",
                               list_of(refused), list_of(names_of(found->aggregations))));
  std::set<std::string> unknown;
  for (const auto& dimension : query.dimensions)
    if (!found->dimensions.contains(dimension)) unknown.insert(shown(dimension));
  if (!unknown.empty() || query.dimensions.size() > found->dimensions.size())
    return refusal(fmt::format("Found invalid dimension(s): {}. Supported dimensions: {}", list_of(unknown),
                               list_of(found->dimensions)));
  if (query.bucket_ms && (!query.first_ms || !query.last_ms))
    return refusal("start_time_ms and end_time_ms are required if time_interval_seconds is set");
  return {};
}

Result<ports::SearchCondition> parse_metric_filter(std::string_view text, View view) {
  if (text.size() > filter_bytes_max)
    return refusal(fmt::format("Invalid filter: longer than {} bytes", filter_bytes_max));
  if (!is_utf8(text)) return refusal("Invalid filter: the text is not UTF-8");
  const auto tokens = search_tokens(text);
  const auto is_name = [](const SearchToken& token) {
    return token.kind == Kind::identifier || token.kind == Kind::double_quoted;
  };
  if (tokens.size() != 3 || !is_name(tokens[0]) || tokens[1].kind != Kind::comparator)
    return refusal("Invalid clause(s) in filter string: " + shown(text));
  SLUICE_TRY(condition, target_of(tokens[0].text));
  if (tokens[1].text != "=")
    return refusal(
        fmt::format("Invalid comparator: '{}', only '=' operator is supported", shown(tokens[1].text)));
  if (!tokens[2].is_quoted())
    return refusal(fmt::format("Expected a quoted string value for {} value (e.g. 'my-value'). Got value {}",
                               shown(tokens[0].text), shown(tokens[2].text)));
  if (condition.field == ports::SearchField::span && view != View::spans)
    return refusal("Filtering by span is only supported for MetricViewType.SPANS view type");
  if (condition.field == ports::SearchField::feedback && view != View::assessments)
    return refusal("Filtering by assessment is only supported for MetricViewType.ASSESSMENTS view type");
  condition.operand = std::string(tokens[2].unquoted());
  return condition;
}

}  // namespace sluice::tracking
