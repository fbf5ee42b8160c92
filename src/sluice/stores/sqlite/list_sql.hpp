#pragma once
// Lists of rows with conditions, an order and pages (ports::ListQuery) as SQL.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/ports/pipelines.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"

namespace sluice::stores::sqlite {

/// An attribute of what is listed.
struct ListColumn {
  std::string_view key;
  std::string_view sql;  ///< never null; the expression of an index where there is one
  bool folded = false;   ///< the expression is in lower case
  bool is_text = true;
  bool joined = false;  ///< of another table than the first one
  bool rare = false;    ///< few entries have the same value, and an index finds them
};

/// Where entries are listed from. All of it is literals.
struct ListTable {
  std::string_view columns;  ///< what `read` of `list_page` gets, from column 1 on
  std::string_view from;
  std::string_view first;  ///< `from` without the tables that are joined
  std::string_view id;
  std::span<const ListColumn> attributes;
};

/// The statement of a page, and the one that counts. `where`: a condition that is always there.
struct ListStatements {
  SqlText page;
  SqlText count;
};
Result<ListStatements> list_statements(const ListTable& table, const SqlText& where,
                                       const ports::ListQuery& query);

/// `read`: makes an entry of a row.
template <typename Entry, typename Read>
Result<ports::ListPage<Entry>> list_page(Connection& connection, const ListTable& table, const SqlText& where,
                                         const ports::ListQuery& query, Read read) {
  SLUICE_TRY(statements, list_statements(table, where, query));
  ports::ListPage<Entry> page;
  SLUICE_TRY(select, statements.page.prepare(connection));
  const auto ordered = std::ranges::find(table.attributes, query.order.key, &ListColumn::key);
  ports::ListQuery::Position last;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) break;
    if (page.entries.size() == query.limit) {
      page.next = std::move(last);
      break;
    }
    SLUICE_TRY(entry, read(select));
    last.id = entry.id;
    if (ordered->is_text)
      last.value = select.text(0);
    else
      last.value = select.integer(0);
    page.entries.push_back(std::move(entry));
  }
  SLUICE_TRY(count, statements.count.prepare(connection));
  SLUICE_TRY(has_count, count.step());
  page.total = has_count ? count.integer(0) : 0;
  return page;
}

}  // namespace sluice::stores::sqlite
