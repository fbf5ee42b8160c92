#pragma once
// The histories of metrics: the newest points of each are rows, and the others are kept in chunks of
// thousands, each with a sample for charts. So logging one point costs one small row, and reading a long
// history few large ones.
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/ports/tracking.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// A metric of a run: the run's number, and its experiment.
struct MetricPlace {
  std::int64_t run = 0;
  std::int64_t experiment = 0;
};

/// Adds points to the history of one metric, and keeps its newest value, which is returned: that of the
/// greatest step, then time, then value.
Result<ports::MetricPoint> add_points(Connection& connection, MetricPlace place, const std::string& key,
                                      const std::vector<ports::MetricPoint>& points);

/// All points, in the order in which they were logged.
Result<std::vector<ports::MetricPoint>> all_points(Connection& connection, std::int64_t run,
                                                   const std::string& key);

/// Points within `steps`, in no order: all of them if they are in few chunks, else those that were chosen for
/// charts, with the first and the last of each chunk.
Result<std::vector<ports::MetricPoint>> points_for_chart(Connection& connection, std::int64_t run,
                                                         const std::string& key,
                                                         ports::Tracking::Steps steps);

}  // namespace sluice::stores::sqlite
