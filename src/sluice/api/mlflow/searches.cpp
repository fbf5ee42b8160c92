#include "sluice/api/mlflow/searches.hpp"

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

}  // namespace sluice::api::mlflow
