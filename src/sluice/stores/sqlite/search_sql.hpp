#pragma once
// Conditions and orders of a search as SQL: nothing of a request is in the text, only `?`.
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ports/search.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// A text with placeholders, and what is bound to them, in order. Refers to nothing.
class SqlText {
 public:
  SqlText& add(std::string_view text) {
    text_ += text;
    return *this;
  }
  /// Adds a placeholder for it.
  SqlText& value(ports::SearchCondition::Operand operand) {
    text_ += '?';
    values_.push_back(std::move(operand));
    return *this;
  }
  /// Adds "column comparator operand". A column of `is_null` and `is_not_null` is not meant here.
  SqlText& compare(std::string_view column, const ports::SearchCondition& condition);
  /// Adds all of the other one.
  SqlText& add(const SqlText& other);
  /// The statement with its values bound. Lives no longer than this object.
  Result<Statement> prepare(Connection& connection) const;

 private:
  std::string text_;
  std::vector<ports::SearchCondition::Operand> values_;
};

}  // namespace sluice::stores::sqlite
