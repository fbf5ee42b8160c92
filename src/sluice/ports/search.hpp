#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace sluice::ports {

/// What a condition or an order looks at.
enum class SearchField {
  attribute,  ///< one that every entry has: "start_time"
  metric,     ///< the newest value
  parameter,
  tag,
  dataset,   ///< of any dataset that the entry used: "name", "digest", "context"
  metadata,  ///< of a trace
  span,      ///< of any span of a trace: "name", "type", "status", "content", "attributes.KEY"
  feedback,  ///< the value of an assessment of a trace; the key is the assessment's name
  expectation,
};

/// One condition of a search, which fits an entry or not. An entry without the field fits no condition but
/// `is_null`.
struct SearchCondition {
  enum class Comparator {
    equal,
    not_equal,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    like,      ///< SQL's patterns, `%` and `_`, case-sensitive
    ilike,     ///< the same for letters of any case
    rlike,     ///< a regular expression matches a part of it; only of traces
    contains,  ///< the operand is a part of it, in letters of any case; only of lists (ports/pipelines.hpp)
    in,
    not_in,
    is_null,
    is_not_null,
  };
  SearchField field = SearchField::attribute;
  std::string key;
  Comparator comparator = Comparator::equal;
  /// Nothing for `is_null` and `is_not_null`; a list for `in` and `not_in`; a double for metrics; an integer
  /// or a double for attributes that are numbers, and for the order (`less` …) of feedback and expectations.
  using Operand = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::string>>;
  Operand operand = {};
  bool operator==(const SearchCondition&) const = default;
};

/// Entries without the field come last, either way.
struct SearchOrder {
  SearchField field = SearchField::attribute;
  std::string key;
  bool ascending = true;
  bool operator==(const SearchOrder&) const = default;
};

/// Which of the entries that a client removed are found.
enum class Lifecycle { active, removed, any };

}  // namespace sluice::ports
