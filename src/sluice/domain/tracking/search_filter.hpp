#pragma once
#include <string_view>
#include <vector>

#include "sluice/domain/tracking/search_grammar.hpp"

namespace sluice::tracking {

constexpr std::size_t filter_bytes_max = std::size_t{64} << 10;
constexpr std::size_t filter_conditions_max = 200;
constexpr std::size_t filter_list_max = 1000;  ///< of one `IN (…)`
constexpr std::size_t filter_pattern_bytes_max = std::size_t{32}
                                                 << 10;  ///< of one `LIKE`; no value is longer

/// Parses the filter of a search: conditions with AND between them, all of which have to fit. No condition:
/// no filter. Quoted values are taken as they are, without any escapes, as MLflow does; only those in a list
/// have the escapes of Python. Errors: Code::invalid_argument, in MLflow's words.
Result<std::vector<ports::SearchCondition>> parse_filter(std::string_view text, const SearchGrammar& grammar);

}  // namespace sluice::tracking
