#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/domain/tracking/search_grammar.hpp"

namespace sluice::tracking {

constexpr std::size_t order_clauses_max = 100;
constexpr std::size_t order_clause_bytes_max = std::size_t{4} << 10;

/// Parses the clauses `order_by` of a search ("metrics.`a b` DESC"). The order is complete: it ends with the
/// search's tie-breakers; without a clause it is the search's default. Errors: Code::invalid_argument.
Result<std::vector<ports::SearchOrder>> parse_order(const std::vector<std::string>& clauses,
                                                    const SearchGrammar& grammar);

/// What the search of logged models has instead of a clause, in which a key is never quoted.
struct LoggedModelOrder {
  std::string field_name;  ///< "creation_time", "metrics.a b"
  bool ascending = true;
};
Result<std::vector<ports::SearchOrder>> parse_logged_model_order(const std::vector<LoggedModelOrder>& order);

}  // namespace sluice::tracking
