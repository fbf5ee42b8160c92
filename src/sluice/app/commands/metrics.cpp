#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/terminal/chart.hpp"
#include "sluice/base/csv.hpp"
#include "sluice/base/words.hpp"

// The command that shows the metrics of a tracked run.

namespace sluice::app {
namespace {

struct MetricsOptions {
  SessionOptions common;
  std::string run;
  std::vector<std::string> metrics;
  std::string emit = "chart";
  int limit = 50;
};

/// More than a chart has dots from left to right.
constexpr std::size_t chart_points = 500;
constexpr int page_size = 10'000;

/// What the server says of a run, and those of its metrics that were asked for: all, or the named ones.
struct TrackedRun {
  Value run;
  std::string path;  ///< "/v1/tracked/ID"
  List metrics;
};

Result<TrackedRun> read_run(Session& session, const MetricsOptions& options) {
  TrackedRun found;
  const auto target = "/v1/tracked/" + percent_encode(options.run);
  List all;
  for (std::string after;;) {
    SLUICE_TRY(page, call(*session.backend, "GET",
                          fmt::format("{}?limit={}&after={}", target, page_size, percent_encode(after))));
    const auto& metrics = list_at(page, "metrics");
    all.insert(all.end(), metrics.begin(), metrics.end());
    after = page.text_at("next");
    found.run = std::move(page);
    if (after.empty()) break;
  }
  found.path = "/v1/tracked/" + percent_encode(found.run.text_at("run"));
  if (options.metrics.empty()) {
    found.metrics = std::move(all);
    return found;
  }
  for (const auto& name : options.metrics) {
    const auto metric = std::ranges::find(all, name, [](const Value& one) { return one.text_at("key"); });
    if (metric == all.end()) {
      std::vector<std::string> keys;
      for (const auto& one : all) keys.push_back(one.text_at("key"));
      return Fail(
          user_error(Code::not_found, fmt::format("run {} has no metric `{}`{}", found.run.text_at("run"),
                                                  name, did_you_mean(name, keys))));
    }
    found.metrics.push_back(*metric);
  }
  return found;
}

double number_in(const Value& point) {
  return point.number_at("value", std::numeric_limits<double>::quiet_NaN());
}

std::string number_text(double value, std::string_view format) {
  return std::isnan(value) ? "NaN" : fmt::format(fmt::runtime(format), value);
}

Result<List> chart_of(Session& session, const TrackedRun& run, const Value& metric) {
  SLUICE_TRY(chart, call(*session.backend, "GET",
                         fmt::format("{}/chart?metric={}&limit={}", run.path,
                                     percent_encode(metric.text_at("key")), chart_points)));
  return list_at(chart, "points");
}

/// The width of the terminal; 80 where the output goes elsewhere.
std::size_t columns_of_terminal() {
  winsize size{};
  constexpr std::size_t otherwise = 80;
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}

void print_chart(const Value& metric, const List& points) {
  print_text(stdout, "\n{} = {}  at step {}\n", metric.text_at("key"),
             number_text(number_in(metric), "{:.6g}"), metric.integer_at("step"));
  std::vector<ChartPoint> drawn;
  drawn.reserve(points.size());
  for (const auto& point : points)
    drawn.push_back({.at = point.number_at("step"), .value = number_in(point)});
  constexpr std::size_t beside = 14;  // the indent and the numbers on the left
  const auto columns = std::clamp<std::size_t>(columns_of_terminal(), beside + 10, beside + 66) - beside;
  const auto lines = chart_lines(drawn, {.columns = columns});
  for (const auto& line : lines) print_text(stdout, "  {}\n", line);
  if (!lines.empty() && points.front().integer_at("step") < points.back().integer_at("step"))
    print_text(stdout, "  steps {} to {}\n", points.front().integer_at("step"),
               points.back().integer_at("step"));
}

Result<Exit> print_charts(Session& session, const MetricsOptions& options, TrackedRun found) {
  const auto all = found.metrics.size();
  found.metrics.resize(std::min(all, static_cast<std::size_t>(options.limit)));
  const auto& run = found.run;
  if (!options.common.json)
    print_text(stdout, "run      {}  {}\nstatus   {}\n", run.text_at("run"), run.text_at("name"),
               lower_ascii(run.text_at("status")));
  List shown;
  for (const auto& metric : found.metrics) {
    SLUICE_TRY(points, chart_of(session, found, metric));
    if (!options.common.json) {
      print_chart(metric, points);
      continue;
    }
    auto one = *metric.if_struct();
    one.set("points", std::move(points));
    shown.emplace_back(std::move(one));
  }
  if (options.common.json) {
    auto all_of_it = *run.if_struct();
    all_of_it.set("metrics", std::move(shown));
    all_of_it.set("metrics_omitted", static_cast<std::int64_t>(all - found.metrics.size()));
    print_json(all_of_it);
  } else if (all == 0) {
    print_text(stdout, "no metrics were logged\n");
  } else if (all > found.metrics.size()) {
    print_text(stderr, "{} more; name some with --metric, or raise --limit\n", all - found.metrics.size());
  }
  return Exit::ok;
}

Result<Exit> print_csv(Session& session, const TrackedRun& run) {
  fmt::print("key,step,timestamp,value\n");
  for (const auto& metric : run.metrics) {
    const auto key = metric.text_at("key");
    auto cell = csv_row({key});
    cell.pop_back();
    for (std::int64_t after = 0;;) {
      SLUICE_TRY(page, call(*session.backend, "GET",
                            fmt::format("{}/history?metric={}&limit={}&after={}", run.path,
                                        percent_encode(key), page_size, after)));
      std::string rows;
      for (const auto& point : list_at(page, "points"))
        rows += fmt::format("{},{},{},{}\n", cell, point.integer_at("step"), point.integer_at("timestamp"),
                            number_text(number_in(point), "{}"));
      if (std::fwrite(rows.data(), 1, rows.size(), stdout) != rows.size()) return Exit::machine;
      after = page.integer_at("next");
      if (after == 0) break;
    }
  }
  return Exit::ok;
}

Result<Exit> metrics(Session& session, const MetricsOptions& options) {
  if (options.emit == "csv" && options.common.json)
    return Fail(user_error(Code::invalid_argument, "--emit csv is a format of its own; leave out --json"));
  SLUICE_TRY(run, read_run(session, options));
  return options.emit == "csv" ? print_csv(session, run) : print_charts(session, options, std::move(run));
}

}  // namespace

void add_metrics(CommandLine& program) {
  auto options = std::make_shared<MetricsOptions>();
  auto& command = program.add("metrics", "show what MLflow's client logged to a run: its metrics, as charts");
  add_session(command, options->common,
              "sluice metrics 3f2a\n  sluice metrics 3f2a --metric loss --emit csv > loss.csv");
  command.argument("RUN", options->run,
                   "id of a tracked run, a prefix of it, or `latest`: that of the newest run of a pipeline");
  command.option("--metric", options->metrics, "only this metric; may be given several times",
                 {.name = "KEY"});
  command.option("--emit", options->emit, "chart: a few lines for each metric; csv: every value",
                 {.one_of = {"chart", "csv"}});
  command.option("--limit", options->limit, "maximum number of charts; default 50",
                 {.range = ValueRules::Range{1, 10000}});
  command.when_called([options] {
    return with_session(options->common, "metrics",
                        [&](Session& session) { return metrics(session, *options); });
  });
}

}  // namespace sluice::app
