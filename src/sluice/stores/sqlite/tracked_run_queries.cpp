// Searches for runs, and histories of their metrics.
#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>

#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/metric_history.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"
#include "sluice/stores/sqlite/tracked_run_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;

namespace {

using ports::MetricPoint;
using ports::SearchCondition;
using ports::SearchField;
using ports::SearchOrder;
using Comparator = SearchCondition::Comparator;

std::string_view column_of(std::string_view attribute) {
  if (attribute == "run_id") return "r.id";
  if (attribute == "run_name") return "r.name";
  if (attribute == "user_id") return "r.user";
  if (attribute == "status") return "r.status";
  if (attribute == "start_time") return "r.started_ms";
  if (attribute == "end_time") return "r.ended_ms";
  if (attribute == "artifact_uri") return "r.artifact_uri";
  return "CAST(r.experiment AS TEXT)";
}

std::string_view table_of(SearchField field) {
  switch (field) {
    case SearchField::metric: return "tracked_metrics";
    case SearchField::parameter: return "tracked_parameters";
    default: return "tracked_tags";
  }
}

/// Not a number differs from every number, and fits no other comparison.
void compare_metric(SqlText& sql, std::string_view column, const SearchCondition& condition) {
  if (condition.comparator == Comparator::not_equal)
    sql.add("(").add(column).add(" IS NULL OR ").compare(column, condition).add(")");
  else
    sql.compare(column, condition);
}

/// `run`: the column with the run's number.
void add_condition(SqlText& sql, const SearchCondition& condition, std::string_view run) {
  if (condition.field == SearchField::attribute) {
    sql.add(" AND ").compare(column_of(condition.key), condition);
    return;
  }
  if (condition.field == SearchField::dataset) {
    sql.add(" AND EXISTS(SELECT 1 FROM tracked_datasets d WHERE d.run = ").add(run).add(" AND ");
    sql.compare("d." + condition.key, condition).add(")");
    return;
  }
  sql.add(condition.comparator == Comparator::is_null ? " AND NOT EXISTS(" : " AND EXISTS(");
  sql.add("SELECT 1 FROM ").add(table_of(condition.field)).add(" v WHERE v.run = ").add(run);
  sql.add(" AND v.key = ").value(condition.key);
  if (condition.comparator != Comparator::is_null && condition.comparator != Comparator::is_not_null) {
    sql.add(" AND ");
    if (condition.field == SearchField::metric)
      compare_metric(sql, "v.value", condition);
    else
      sql.compare("v.value", condition);
  }
  sql.add(")");
}

/// Whether the values that fit are a part of the index of a metric's values.
bool is_range(const SearchCondition& condition) {
  switch (condition.comparator) {
    case Comparator::equal:
    case Comparator::less:
    case Comparator::less_or_equal:
    case Comparator::greater:
    case Comparator::greater_or_equal: return condition.field == SearchField::metric;
    default: return false;
  }
}

/// A search for the numbers of runs. If it orders by a metric first, it sorts the runs that fit a condition
/// for another metric, if those are few; else it walks along the index of the first metric's values, and
/// finds the runs without it in a second step: among those that fit such a condition, if there is one. What
/// is asked of a run is asked before its row is read.
class RunSearch {
 public:
  RunSearch(const std::vector<std::int64_t>& experiments, const ports::Search& search)
      : experiments_(experiments), search_(search) {}

  [[nodiscard]] Result<std::vector<std::int64_t>> numbers(Connection& connection) const {
    if (search_.order.empty() || search_.order.front().field != SearchField::metric)
      return select(connection, joined(Part::all), search_.offset, search_.limit);
    SLUICE_TRY(few, are_few_in_range(connection));
    if (few) return select(connection, joined(Part::in_range), search_.offset, search_.limit);
    SLUICE_TRY(found, select(connection, joined(Part::with_metric), search_.offset, search_.limit));
    if (found.size() == search_.limit) return found;
    if (std::ranges::any_of(search_.conditions, [this](const auto& one) { return needs_order_metric(one); }))
      return found;
    auto before = search_.offset + found.size();
    if (found.empty() && search_.offset > 0) {
      SLUICE_TRY(all, count(connection, joined(Part::with_metric)));
      before = all;
    }
    const auto skipped = search_.offset > before ? search_.offset - before : 0;
    SLUICE_TRY(others,
               select(connection, joined(Part::without_metric), skipped, search_.limit - found.size()));
    found.insert(found.end(), others.begin(), others.end());
    return found;
  }

 private:
  /// Of the runs; those in_range: all that fit the condition whose metric's index is walked.
  enum class Part { all, with_metric, without_metric, in_range };
  struct Query {
    SqlText from;   ///< "FROM … WHERE …"
    SqlText order;  ///< "ORDER BY …"
    bool is_ordered = false;
  };

  /// Of a search that orders by a metric: whether it finds only runs that have this metric.
  [[nodiscard]] bool needs_order_metric(const SearchCondition& condition) const {
    return condition.field == SearchField::metric && condition.key == search_.order.front().key &&
           condition.comparator != Comparator::is_null;
  }

  /// The condition whose metric's index is walked; null: none.
  [[nodiscard]] const SearchCondition* walked_condition(Part part) const {
    if (part != Part::without_metric && part != Part::in_range) return nullptr;
    const auto found = std::ranges::find_if(search_.conditions, is_range);
    return found == search_.conditions.end() ? nullptr : &*found;
  }

  /// Whether it costs less to sort the runs in range than to walk along the first metric's values until the
  /// page is full, as far as their number tells.
  [[nodiscard]] Result<bool> are_few_in_range(Connection& connection) const {
    constexpr std::size_t few = 8;  // runs for each one of the page
    const auto* range = walked_condition(Part::in_range);
    if (range == nullptr || needs_order_metric(*range)) return false;
    const auto most = few * (search_.offset + search_.limit);
    SqlText entries;
    entries.add("FROM (SELECT 1 FROM tracked_metrics w WHERE ");
    add_walked(entries, "w", range->key);
    entries.add(" AND ");
    compare_metric(entries, "w.value", *range);
    entries.add(" LIMIT ").value(static_cast<std::int64_t>(most + 1)).add(")");
    SLUICE_TRY(found, count(connection, {.from = std::move(entries)}));
    return found <= most;
  }

  void add_experiments(SqlText& sql) const {
    sql.add("(");
    for (std::size_t i = 0; i < experiments_.size(); ++i) sql.add(i == 0 ? "" : ",").value(experiments_[i]);
    sql.add(")");
  }
  /// The part of the index of values that belongs to this metric.
  void add_walked(SqlText& sql, std::string_view table, const std::string& key) const {
    sql.add(table).add(".key = ").value(key).add(" AND ").add(table).add(".experiment IN ");
    add_experiments(sql);
  }

  [[nodiscard]] Query joined(Part part) const {
    Query query;
    auto& sql = query.from;
    const auto& orders = search_.order;
    const auto* walked_for = walked_condition(part);
    const std::string_view walked = part == Part::with_metric ? "o0" : walked_for != nullptr ? "w" : "";
    const auto run = walked.empty() ? std::string("r.number") : fmt::format("{}.run", walked);
    if (walked.empty())
      sql.add("FROM tracked_runs r");
    else
      sql.add(fmt::format("FROM tracked_metrics {} CROSS JOIN tracked_runs r ON r.number = {}", walked, run));
    for (std::size_t i = 0; i < orders.size(); ++i) {
      if (i == 0 && part == Part::without_metric) continue;
      add_order(query, orders[i], i, i == 0 && part == Part::with_metric);
    }
    sql.add(" WHERE ");
    if (walked.empty()) {
      sql.add("r.experiment IN ");
      add_experiments(sql);
    } else {
      add_walked(sql, walked, walked_for != nullptr ? walked_for->key : orders.front().key);
    }
    if (search_.lifecycle == ports::Lifecycle::any)
      sql.add(" AND r.active IN (0, 1)");
    else
      sql.add(search_.lifecycle == ports::Lifecycle::active ? " AND r.active = 1" : " AND r.active = 0");
    if (part == Part::without_metric)
      sql.add(" AND NOT EXISTS(SELECT 1 FROM tracked_metrics m WHERE m.run = ")
          .add(run)
          .add(" AND m.key = ")
          .value(orders.front().key)
          .add(")");
    for (const auto& condition : search_.conditions) {
      const bool of_walked =
          walked_for == &condition || (part == Part::with_metric && condition.field == SearchField::metric &&
                                       condition.key == orders.front().key);
      if (of_walked && condition.comparator != Comparator::is_null &&
          condition.comparator != Comparator::is_not_null) {
        sql.add(" AND ");
        compare_metric(sql, fmt::format("{}.value", walked), condition);
      } else {
        add_condition(sql, condition, run);
      }
    }
    return query;
  }

  static void add_order(Query& query, const SearchOrder& order, std::size_t i, bool walked) {
    query.order.add(query.is_ordered ? ", " : " ORDER BY ");
    query.is_ordered = true;
    const std::string_view direction = order.ascending ? " ASC" : " DESC";
    if (order.field == SearchField::attribute) {
      query.order.add(column_of(order.key)).add(direction);
      // Every run has the others; without this, the index by start can be used.
      if (order.key == "end_time") query.order.add(" NULLS LAST");
      return;
    }
    const auto alias = fmt::format("o{}", i);
    if (!walked)
      query.from
          .add(fmt::format(" LEFT JOIN {} {} ON {}.run = r.number AND {}.key = ", table_of(order.field),
                           alias, alias, alias))
          .value(order.key);
    // Not a number, which is stored as null, comes after numbers and before what is not there.
    if (!walked) query.order.add(alias).add(".run IS NULL, ");
    query.order.add(alias).add(".value").add(direction).add(" NULLS LAST");
  }

  static Result<std::vector<std::int64_t>> select(Connection& connection, const Query& query,
                                                  std::size_t offset, std::size_t limit) {
    SqlText sql;
    sql.add("SELECT r.number ").add(query.from).add(query.order);
    sql.add(" LIMIT ").value(static_cast<std::int64_t>(limit));
    sql.add(" OFFSET ").value(static_cast<std::int64_t>(offset));
    SLUICE_TRY(select, sql.prepare(connection));
    std::vector<std::int64_t> numbers;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return numbers;
      numbers.push_back(select.integer(0));
    }
  }

  static Result<std::size_t> count(Connection& connection, const Query& query) {
    SqlText sql;
    sql.add("SELECT count(*) ").add(query.from);
    SLUICE_TRY(select, sql.prepare(connection));
    SLUICE_DO(select.step());
    return static_cast<std::size_t>(select.integer(0));
  }

  const std::vector<std::int64_t>& experiments_;
  const ports::Search& search_;
};

auto by_step(const MetricPoint& point) {
  return std::tuple(point.step, point.at_ms, std::isnan(point.value) ? 0.0 : point.value,
                    std::isnan(point.value));
}
auto by_time(const MetricPoint& point) {
  return std::tuple(point.at_ms, point.step, std::isnan(point.value) ? 0.0 : point.value,
                    std::isnan(point.value));
}

template <typename Key>
void sort_each_once(std::vector<MetricPoint>& points, Key key) {
  if (!std::ranges::is_sorted(points, {}, key)) std::ranges::sort(points, {}, key);
  const auto again =
      std::ranges::unique(points, [&](const auto& a, const auto& b) { return key(a) == key(b); });
  points.erase(again.begin(), again.end());
}

/// The first of each of `limit` parts of equal size, and the very last.
void thin_out(std::vector<MetricPoint>& points, std::size_t limit) {
  if (points.size() <= limit) return;
  const auto last = points.back();
  const auto size = points.size() / limit;
  const auto larger = points.size() % limit;  // the first parts have one more
  std::size_t at = 0;
  for (std::size_t part = 0; part < limit; ++part) {
    points[part] = points[at];
    at += size + (part < larger ? 1 : 0);
  }
  points.resize(limit);
  points.back() = last;
}

}  // namespace

Result<ports::TrackedRun> SqliteTracking::run(const std::string& workspace, const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<ports::TrackedRun> {
    SLUICE_TRY(found, sqlite::find_tracked_run(connection, workspace, id));
    return sqlite::read_tracked_run(connection, found.number);
  });
}

Result<std::vector<std::string>> SqliteTracking::run_ids(const std::string& workspace,
                                                         const std::string& prefix, std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<std::string>> {
    SLUICE_TRY(select, connection.prepare("SELECT id FROM tracked_runs WHERE id >= ? AND workspace = ? "
                                          "ORDER BY id LIMIT ?"));
    select.bind(prefix).bind(workspace).bind(static_cast<std::int64_t>(limit));
    std::vector<std::string> ids;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row || !select.text(0).starts_with(prefix)) return ids;
      ids.push_back(select.text(0));
    }
  });
}

Result<std::vector<ports::TrackedRun>> SqliteTracking::runs(const std::string& workspace,
                                                            const std::vector<std::int64_t>& experiments,
                                                            const ports::Search& search) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::TrackedRun>> {
    std::vector<std::int64_t> own;
    for (const auto id : experiments) {
      SLUICE_TRY(known, connection.prepare("SELECT 1 FROM experiments WHERE id = ? AND workspace = ?"));
      SLUICE_TRY(has_row, known.bind(id).bind(workspace).step());
      if (has_row) own.push_back(id);
    }
    if (own.empty()) return std::vector<ports::TrackedRun>{};
    SLUICE_TRY(numbers, RunSearch(own, search).numbers(connection));
    std::vector<ports::TrackedRun> found;
    found.reserve(numbers.size());
    for (const auto number : numbers) {
      SLUICE_TRY(run, sqlite::read_tracked_run(connection, number));
      found.push_back(std::move(run));
    }
    return found;
  });
}

Result<std::vector<MetricPoint>> SqliteTracking::history(const std::string& workspace, const std::string& run,
                                                         const std::string& key, std::size_t offset,
                                                         std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<MetricPoint>> {
    SLUICE_TRY(found, sqlite::find_tracked_run(connection, workspace, run));
    SLUICE_TRY(points, sqlite::all_points(connection, found.number, key));
    sort_each_once(points, by_time);
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(std::min(offset, points.size()));
    points.erase(points.begin(), begin);
    if (points.size() > limit) points.resize(limit);
    return points;
  });
}

Result<std::vector<MetricPoint>> SqliteTracking::chart(const std::string& workspace, const std::string& run,
                                                       const std::string& key, Steps steps,
                                                       std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<MetricPoint>> {
    SLUICE_TRY(found, sqlite::find_tracked_run(connection, workspace, run));
    SLUICE_TRY(points, sqlite::points_for_chart(connection, found.number, key, steps));
    sort_each_once(points, by_step);
    thin_out(points, std::max<std::size_t>(limit, 1));
    return points;
  });
}

SqliteTracking::SqliteTracking(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability)
    : file_(std::move(file)), durability_(durability) {}
SqliteTracking::~SqliteTracking() = default;
bool SqliteTracking::is_quick() const {
  return durability_ == ports::Durability::process && !file_->is_syncing();
}

}  // namespace sluice::stores
