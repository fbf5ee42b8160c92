#pragma once
#include "sluice/api/mlflow/fields.hpp"
#include "sluice/domain/tracking/search_grammar.hpp"

namespace sluice::api::mlflow {

/// How a kind of search is asked for.
struct SearchForm {
  std::int64_t limit = 0;  ///< without `max_results`; 0: it has to be given
  std::int64_t limit_max = 0;
  bool has_order_objects = false;  ///< `order_by` is a list of objects, which the caller reads
  std::string_view view = {};      ///< the field that says whether removed ones are wanted; "": there is none
};

/// Reads `experiment_ids`.
Result<std::vector<std::int64_t>> experiment_ids_of(const Fields& fields);

/// A search for runs.
Result<ports::Search> run_search_of(const Fields& fields);

/// Which points a chart asks for; the names of its fields are not the same everywhere.
struct ChartForm {
  std::string_view runs = "run_ids";
  std::string_view key = "metric_key";
  std::string_view first = "start_step";
  std::string_view last = "end_step";
  std::string_view limit = "max_results";
};
struct ChartQuery {
  std::vector<std::string> runs;
  std::string key;
  ports::Tracking::Steps steps;
  std::size_t limit = 0;
};
Result<ChartQuery> chart_query_of(const Fields& fields, const ChartForm& form = {});

/// Reads `filter`, `order_by`, `max_results` and `page_token`. The search asks for one entry more than the
/// page has, so that it is known whether another one follows (`next_page`).
Result<ports::Search> search_of(const Fields& fields, const tracking::SearchGrammar& grammar,
                                const SearchForm& form);

}  // namespace sluice::api::mlflow
