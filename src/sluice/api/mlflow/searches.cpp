#include "sluice/api/mlflow/searches.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/domain/tracking/page_token.hpp"
#include "sluice/domain/tracking/search_filter.hpp"
#include "sluice/domain/tracking/search_order.hpp"

namespace sluice::api::mlflow {
namespace {

/// A name of protobuf's enumeration, or its number.
Result<ports::Lifecycle> lifecycle_of(const Fields& fields, std::string_view name) {
  if (!fields.has(name)) return ports::Lifecycle::active;
  if (const auto number = fields.integer(name); number && *number) {
    if (**number == 1) return ports::Lifecycle::active;
    if (**number == 2) return ports::Lifecycle::removed;
    if (**number == 3) return ports::Lifecycle::any;
  }
  SLUICE_TRY(word, fields.text(name));
  if (word == "ACTIVE_ONLY") return ports::Lifecycle::active;
  if (word == "DELETED_ONLY") return ports::Lifecycle::removed;
  if (word == "ALL") return ports::Lifecycle::any;
  return Fail(user_error(Code::invalid_argument,
                         fmt::format("Invalid value '{}' for parameter '{}' supplied: it is ACTIVE_ONLY, "
                                     "DELETED_ONLY or ALL",
                                     tracking::shown(word), name)));
}

}  // namespace

Result<std::vector<std::int64_t>> experiment_ids_of(const Fields& fields) {
  SLUICE_TRY(texts, fields.texts("experiment_ids"));
  std::vector<std::int64_t> ids;
  for (const auto& text : texts) {
    const auto id = parse_integer<std::int64_t>(text);
    if (!id)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.",
                                         tracking::shown(text))));
    ids.push_back(*id);
  }
  return ids;
}

Result<ports::Search> search_of(const Fields& fields, const tracking::SearchGrammar& grammar,
                                const SearchForm& form) {
  SLUICE_TRY(filter, fields.text("filter"));
  SLUICE_TRY(given, fields.integer("max_results"));
  SLUICE_TRY(token, fields.text("page_token"));
  const auto limit = given.value_or(form.limit);
  if (limit <= 0)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be a "
                                       "positive integer.",
                                       limit)));
  if (limit > form.limit_max)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be at "
                                       "most {}, but got value {}",
                                       limit, form.limit_max, limit)));
  ports::Search search{.limit = static_cast<std::size_t>(limit) + 1};
  if (!form.view.empty()) {
    SLUICE_TRY(lifecycle, lifecycle_of(fields, form.view));
    search.lifecycle = lifecycle;
  }
  SLUICE_TRY(conditions, tracking::parse_filter(filter, grammar));
  search.conditions = std::move(conditions);
  if (!form.has_order_objects) {
    SLUICE_TRY(order, fields.texts("order_by"));
    SLUICE_TRY(orders, tracking::parse_order(order, grammar));
    search.order = std::move(orders);
  }
  SLUICE_TRY(offset, tracking::offset_of(token));
  search.offset = static_cast<std::size_t>(offset);
  return search;
}

Result<ports::Search> run_search_of(const Fields& fields) {
  constexpr std::int64_t results = 1000;
  constexpr std::int64_t results_max = 50'000;
  return search_of(fields, tracking::run_search(),
                   {.limit = results, .limit_max = results_max, .view = "run_view_type"});
}

Result<ChartQuery> chart_query_of(const Fields& fields, const ChartForm& form) {
  constexpr std::size_t runs_max = 100;
  constexpr std::int64_t points_default = 320;
  constexpr std::int64_t points_max = 2500;
  SLUICE_TRY(runs, fields.texts(form.runs));
  SLUICE_TRY(key, fields.needed(form.key));
  SLUICE_TRY(first, fields.integer(form.first));
  SLUICE_TRY(last, fields.integer(form.last));
  SLUICE_TRY(limit, fields.integer(form.limit));
  if (runs.empty())
    return Fail(user_error(Code::invalid_argument,
                           "GetMetricHistoryBulkInterval request must specify at least one run_id."));
  if (runs.size() > runs_max)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format(
            "GetMetricHistoryBulkInterval request must specify at most {} run_ids. Received {} run_ids.",
            runs_max, runs.size())));
  if (first.has_value() != last.has_value())
    return Fail(user_error(Code::invalid_argument,
                           "If either start step or end step are specified, both must be specified."));
  ChartQuery query{.runs = std::move(runs),
                   .key = std::move(key),
                   .limit = static_cast<std::size_t>(
                       std::clamp<std::int64_t>(limit.value_or(points_default), 1, points_max))};
  if (first) query.steps = {.first = *first, .last = *last};
  return query;
}

}  // namespace sluice::api::mlflow
