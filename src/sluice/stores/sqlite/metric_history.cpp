#include "sluice/stores/sqlite/metric_history.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <tuple>

namespace sluice::stores::sqlite {
namespace {

using ports::MetricPoint;
using Points = std::vector<MetricPoint>;

/// So many rows become a part of a chunk; so many new points become one at once.
constexpr std::size_t rows_max = 64;
constexpr std::size_t chunk_points_max = 4096;
/// Of a whole chunk.
constexpr std::size_t sample_points = 64;
/// Of chunks with so many points together, a chart looks at every one.
constexpr std::int64_t points_read_max = 8 * std::int64_t{chunk_points_max};

static_assert(std::endian::native == std::endian::little && sizeof(MetricPoint) == 24,
              "chunks are stored as points are in memory");

std::string_view bytes_of(std::span<const MetricPoint> points) {
  return {reinterpret_cast<const char*>(points.data()), points.size_bytes()};
}

Result<void> append_bytes(std::string_view bytes, Points& out) {
  if (bytes.size() % sizeof(MetricPoint) != 0)
    return Fail(internal_error(Code::data_loss, "a chunk of a metric's history is damaged"));
  const auto before = out.size();
  out.resize(before + bytes.size() / sizeof(MetricPoint));
  std::memcpy(out.data() + before, bytes.data(), bytes.size());
  return {};
}

/// Evenly chosen, with the first and the last: as many of a small chunk as of a part of a large one.
Points sample_of(std::span<const MetricPoint> points) {
  const auto count = std::max<std::size_t>(points.size() * sample_points / chunk_points_max, 2);
  if (points.size() <= count) return {points.begin(), points.end()};
  Points out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(points[i * (points.size() - 1) / (count - 1)]);
  return out;
}

bool is_newer(const MetricPoint& a, const MetricPoint& b) {
  const auto key = [](const MetricPoint& point) {
    return std::tuple(point.step, point.at_ms, std::isnan(point.value) ? 0.0 : point.value);
  };
  return key(a) > key(b);
}

/// What the row of a metric says.
struct Head {
  MetricPoint newest;
  std::int64_t points = 0;
  std::int64_t in_chunks = 0;
};

Result<std::optional<Head>> read_head(Connection& connection, std::int64_t run, const std::string& key) {
  SLUICE_TRY(
      select,
      connection.prepare(
          "SELECT step, at_ms, value, points, in_chunks FROM tracked_metrics WHERE run = ? AND key = ?"));
  SLUICE_TRY(has_row, select.bind(run).bind(key).step());
  if (!has_row) return std::nullopt;
  return Head{.newest = {.step = select.integer(0), .at_ms = select.integer(1), .value = select.real(2)},
              .points = select.integer(3),
              .in_chunks = select.integer(4)};
}

Result<void> write_head(Connection& connection, MetricPlace place, const std::string& key, const Head& head) {
  SLUICE_TRY(upsert, connection.prepare(R"sql(
    INSERT INTO tracked_metrics(run, key, experiment, value, step, at_ms, points, in_chunks)
    VALUES(?,?,?,?,?,?,?,?)
    ON CONFLICT(run, key) DO UPDATE SET value=excluded.value, step=excluded.step, at_ms=excluded.at_ms,
      points=excluded.points, in_chunks=excluded.in_chunks)sql"));
  upsert.bind(place.run).bind(key).bind(place.experiment).bind(head.newest.value).bind(head.newest.step);
  return upsert.bind(head.newest.at_ms).bind(head.points).bind(head.in_chunks).run();
}

Result<void> insert_row(Connection& connection, std::int64_t run, const std::string& key, std::int64_t number,
                        const MetricPoint& point) {
  SLUICE_TRY(insert, connection.prepare("INSERT INTO tracked_points(run, key, number, step, at_ms, value) "
                                        "VALUES(?,?,?,?,?,?)"));
  insert.bind(run).bind(key).bind(number).bind(point.step).bind(point.at_ms).bind(point.value);
  return insert.run();
}

Result<void> append_rows(Connection& connection, std::int64_t run, const std::string& key, Points& out) {
  SLUICE_TRY(select, connection.prepare("SELECT step, at_ms, value FROM tracked_points "
                                        "WHERE run = ? AND key = ? ORDER BY number"));
  select.bind(run).bind(key);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return {};
    out.push_back({.step = select.integer(0), .at_ms = select.integer(1), .value = select.real(2)});
  }
}

Result<void> write_chunk(Connection& connection, std::int64_t run, const std::string& key, std::int64_t first,
                         std::span<const MetricPoint> points) {
  const auto [low, high] = std::ranges::minmax(points, {}, &MetricPoint::step);
  const auto sample = sample_of(points);
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO tracked_chunks(run, key, first, points, step_min, step_max, sample, all_points)
    VALUES(?,?,?,?,?,?,?,?))sql"));
  insert.bind(run).bind(key).bind(first).bind(static_cast<std::int64_t>(points.size()));
  insert.bind(low.step).bind(high.step).bind_blob(bytes_of(sample)).bind_blob(bytes_of(points));
  return insert.run();
}

/// Takes the last chunk away, and puts its points in front of these, if it is so small that it has to grow:
/// each point is written again only a few times, and there are few small chunks.
Result<bool> take_last_chunk(Connection& connection, std::int64_t run, const std::string& key,
                             std::int64_t& first, Points& points) {
  SLUICE_TRY(select, connection.prepare("SELECT first, points, all_points FROM tracked_chunks "
                                        "WHERE run = ? AND key = ? ORDER BY first DESC LIMIT 1"));
  SLUICE_TRY(has_row, select.bind(run).bind(key).step());
  if (!has_row) return false;
  const auto size = static_cast<std::size_t>(select.integer(1));
  if (size >= chunk_points_max || size > 2 * points.size()) return false;
  first = select.integer(0);
  Points chunk;
  chunk.reserve(size + points.size());
  SLUICE_DO(append_bytes(select.text(2), chunk));
  chunk.insert(chunk.end(), points.begin(), points.end());
  points = std::move(chunk);
  SLUICE_TRY(remove,
             connection.prepare("DELETE FROM tracked_chunks WHERE run = ? AND key = ? AND first = ?"));
  SLUICE_DO(remove.bind(run).bind(key).bind(first).run());
  return true;
}

/// Moves the rows, and what is new, into chunks.
Result<void> fold(Connection& connection, std::int64_t run, const std::string& key, Head& head,
                  const Points& added) {
  Points points;
  if (head.points > head.in_chunks) {
    SLUICE_DO(append_rows(connection, run, key, points));
    SLUICE_TRY(remove, connection.prepare("DELETE FROM tracked_points WHERE run = ? AND key = ?"));
    SLUICE_DO(remove.bind(run).bind(key).run());
  }
  points.insert(points.end(), added.begin(), added.end());
  auto first = head.in_chunks;
  for (;;) {
    SLUICE_TRY(taken, take_last_chunk(connection, run, key, first, points));
    if (!taken) break;
  }
  for (std::span<const MetricPoint> left(points); !left.empty();) {
    const auto part = left.first(std::min(left.size(), chunk_points_max));
    SLUICE_DO(write_chunk(connection, run, key, first, part));
    first += static_cast<std::int64_t>(part.size());
    left = left.subspan(part.size());
  }
  head.in_chunks = first;
  return {};
}

}  // namespace

Result<MetricPoint> add_points(Connection& connection, MetricPlace place, const std::string& key,
                               const Points& points) {
  SLUICE_TRY(known, read_head(connection, place.run, key));
  Head head = known.value_or(Head{.newest = points.front()});
  for (const auto& point : points)
    if (is_newer(point, head.newest)) head.newest = point;
  const auto rows = static_cast<std::size_t>(head.points - head.in_chunks);
  if (rows + points.size() >= rows_max) {
    SLUICE_DO(fold(connection, place.run, key, head, points));
    head.points = head.in_chunks;
  } else {
    for (const auto& point : points) SLUICE_DO(insert_row(connection, place.run, key, head.points++, point));
  }
  SLUICE_DO(write_head(connection, place, key, head));
  return head.newest;
}

Result<Points> all_points(Connection& connection, std::int64_t run, const std::string& key) {
  Points points;
  SLUICE_TRY(select, connection.prepare(
                         "SELECT all_points FROM tracked_chunks WHERE run = ? AND key = ? ORDER BY first"));
  select.bind(run).bind(key);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) break;
    SLUICE_DO(append_bytes(select.text(0), points));
  }
  SLUICE_DO(append_rows(connection, run, key, points));
  return points;
}

Result<Points> points_for_chart(Connection& connection, std::int64_t run, const std::string& key,
                                ports::Tracking::Steps steps) {
  Points points;
  SLUICE_TRY(count,
             connection.prepare("SELECT coalesce(sum(points), 0) FROM tracked_chunks WHERE run = ? AND key = "
                                "? AND step_max >= ? AND step_min <= ?"));
  SLUICE_DO(count.bind(run).bind(key).bind(steps.first).bind(steps.last).step());
  const bool reads_all = count.integer(0) <= points_read_max;
  SLUICE_TRY(select, reads_all
                         ? connection.prepare("SELECT all_points FROM tracked_chunks WHERE run = ? AND key = "
                                              "? AND step_max >= ? AND step_min <= ? ORDER BY first")
                         : connection.prepare("SELECT sample FROM tracked_chunks WHERE run = ? AND key = ? "
                                              "AND step_max >= ? AND step_min <= ? ORDER BY first"));
  select.bind(run).bind(key).bind(steps.first).bind(steps.last);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) break;
    SLUICE_DO(append_bytes(select.text(0), points));
  }
  Points rows;
  SLUICE_DO(append_rows(connection, run, key, rows));
  if (!reads_all) rows = sample_of(rows);
  points.insert(points.end(), rows.begin(), rows.end());
  std::erase_if(
      points, [&](const MetricPoint& point) { return point.step < steps.first || point.step > steps.last; });
  return points;
}

}  // namespace sluice::stores::sqlite
