#include "sluice/stores/sqlite/list_sql.hpp"

#include "sluice/base/words.hpp"

namespace sluice::stores::sqlite {
namespace {

using Operand = ports::SearchCondition::Operand;

const ListColumn* column_of(const ListTable& table, std::string_view key) {
  const auto found = std::ranges::find(table.attributes, key, &ListColumn::key);
  return found == table.attributes.end() ? nullptr : &*found;
}

Operand folded(Operand operand) {
  if (auto* text = std::get_if<std::string>(&operand)) *text = lower_ascii(*text);
  if (auto* texts = std::get_if<std::vector<std::string>>(&operand))
    for (auto& text : *texts) text = lower_ascii(text);
  return operand;
}

Operand operand_of(const std::variant<std::int64_t, std::string>& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  return std::get<std::string>(value);
}

Error unknown(const std::string& key) {
  return internal_error(Code::internal, "a list has no attribute `" + key + "`");
}

}  // namespace

Result<ListStatements> list_statements(const ListTable& table, const SqlText& where,
                                       const ports::ListQuery& query) {
  const auto* ordered = column_of(table, query.order.key);
  if (ordered == nullptr) return Fail(unknown(query.order.key));
  SqlText conditions = where;
  bool joined = false;
  bool few = false;
  for (auto condition : query.conditions) {
    const auto* column = column_of(table, condition.key);
    if (column == nullptr) return Fail(unknown(condition.key));
    if (column->folded || condition.comparator == ports::SearchCondition::Comparator::contains)
      condition.operand = folded(std::move(condition.operand));
    joined = joined || column->joined;
    few = few || (column->rare && (condition.comparator == ports::SearchCondition::Comparator::equal ||
                                   condition.comparator == ports::SearchCondition::Comparator::in));
    conditions.add(" AND ").compare(column->sql, condition);
  }
  ListStatements made;
  made.count.add("SELECT count(*) FROM (SELECT 1 FROM ")
      .add(joined ? table.from : table.first)
      .add(" WHERE ");
  made.count.add(conditions).add(" LIMIT ").value(ports::ListPage<int>::counted_max).add(")");
  // A sign keeps SQLite from walking along the order: few are found, and sorted.
  const auto by = (few ? "+" : "") + std::string(ordered->sql);
  made.page.add("SELECT ").add(ordered->sql).add(", ").add(table.columns).add(" FROM ").add(table.from);
  made.page.add(" WHERE ").add(conditions);
  if (query.after) {
    made.page.add(" AND (").add(by).add(", ").add(table.id);
    made.page.add(query.order.ascending ? ") > (" : ") < (");
    made.page.value(operand_of(query.after->value)).add(", ").value(query.after->id).add(")");
  }
  const std::string_view direction = query.order.ascending ? "" : " DESC";
  made.page.add(" ORDER BY ").add(by).add(direction).add(", ").add(table.id).add(direction);
  made.page.add(" LIMIT ").value(static_cast<std::int64_t>(query.limit) + 1);
  return made;
}

}  // namespace sluice::stores::sqlite
