#include "sluice/stores/sqlite/search_sql.hpp"

namespace sluice::stores::sqlite {
namespace {

using Comparator = ports::SearchCondition::Comparator;

std::string_view operator_of(Comparator comparator) {
  switch (comparator) {
    case Comparator::equal: return " = ";
    case Comparator::not_equal: return " <> ";
    case Comparator::less: return " < ";
    case Comparator::less_or_equal: return " <= ";
    case Comparator::greater: return " > ";
    case Comparator::greater_or_equal: return " >= ";
    case Comparator::like:
    case Comparator::ilike: return " LIKE ";
    case Comparator::rlike: return " REGEXP ";
    case Comparator::contains: return "";  // a function
    case Comparator::in: return " IN ";
    case Comparator::not_in: return " NOT IN ";
    case Comparator::is_null: return " IS NULL";
    case Comparator::is_not_null: return " IS NOT NULL";
  }
  return "";
}

}  // namespace

SqlText& SqlText::compare(std::string_view column, const ports::SearchCondition& condition) {
  const auto word = operator_of(condition.comparator);
  if (condition.comparator == Comparator::ilike)
    return add("lower(").add(column).add(")").add(word).add("lower(").value(condition.operand).add(")");
  if (condition.comparator == Comparator::contains)
    return add("instr(").add(column).add(", ").value(condition.operand).add(") > 0");
  add(column).add(word);
  if (const auto* list = std::get_if<std::vector<std::string>>(&condition.operand)) {
    add("(");
    for (std::size_t i = 0; i < list->size(); ++i) add(i == 0 ? "" : ",").value((*list)[i]);
    return add(")");
  }
  return value(condition.operand);
}

SqlText& SqlText::add(const SqlText& other) {
  text_ += other.text_;
  values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  return *this;
}

Result<Statement> SqlText::prepare(Connection& connection) const {
  SLUICE_TRY(statement, connection.prepare_once(text_));
  for (const auto& value : values_) {
    if (const auto* integer = std::get_if<std::int64_t>(&value))
      statement.bind(*integer);
    else if (const auto* real = std::get_if<double>(&value))
      statement.bind(*real);
    else if (const auto* text = std::get_if<std::string>(&value))
      statement.bind(*text);
    else
      statement.bind_null();
  }
  return statement;
}

}  // namespace sluice::stores::sqlite
