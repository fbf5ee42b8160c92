#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/terminal/chart.hpp"
#include "sluice/base/csv.hpp"
#include "sluice/base/words.hpp"

// The command that shows the metrics of tracked runs.

namespace sluice::app {
namespace {

struct MetricsOptions {
  SessionOptions common;
  std::string run;
  std::string task;
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

/// `named`: the run, and perhaps which of its tasks, as a path of the API.
Result<TrackedRun> read_run(Session& session, const std::string& named) {
  TrackedRun found;
  for (std::string after;;) {
    SLUICE_TRY(page, call(*session.backend, "GET",
                          fmt::format("{}limit={}&after={}", named, page_size, percent_encode(after))));
    const auto& metrics = list_at(page, "metrics");
    found.metrics.insert(found.metrics.end(), metrics.begin(), metrics.end());
    after = page.text_at("next");
    found.run = std::move(page);
    if (after.empty()) break;
  }
  found.path = "/v1/tracked/" + percent_encode(found.run.text_at("run"));
  return found;
}

/// Keeps these metrics of the runs, in this order; each has to be in one of them.
Result<void> keep_named(std::vector<TrackedRun>& runs, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::set<std::string> kept;
  std::vector<std::string> keys;
  for (auto& run : runs) {
    List all = std::exchange(run.metrics, {});
    for (const auto& one : all) keys.push_back(one.text_at("key"));
    for (const auto& name : names)
      for (const auto& one : all)
        if (one.text_at("key") == name) {
          run.metrics.push_back(one);
          kept.insert(name);
        }
  }
  for (const auto& name : names)
    if (!kept.contains(name))
      return Fail(user_error(Code::not_found,
                             fmt::format("run {} has no metric `{}`{}", runs.front().run.text_at("run"), name,
                                         did_you_mean(name, keys))));
  return {};
}

/// The run; of one of a pipeline, those of its tasks too, if no task is named.
Result<std::vector<TrackedRun>> read_runs(Session& session, const MetricsOptions& options) {
  const auto named = "/v1/tracked/" + percent_encode(options.run) + "?" +
                     (options.task.empty() ? "" : "task=" + percent_encode(options.task) + "&");
  std::vector<TrackedRun> runs;
  SLUICE_TRY(first, read_run(session, named));
  runs.push_back(std::move(first));
  if (options.task.empty())
    for (const auto& task : List(list_at(runs.front().run, "tasks"))) {
      SLUICE_TRY(below, read_run(session, "/v1/tracked/" + percent_encode(task.text_at("run")) + "?"));
      runs.push_back(std::move(below));
    }
  SLUICE_DO(keep_named(runs, options.metrics));
  // The run of a pipeline has seldom anything of its own.
  if (runs.size() > 1 && runs.front().metrics.empty()) runs.erase(runs.begin());
  return runs;
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

/// Returns how many of its metrics were left out: no more than `left` are shown.
Result<std::size_t> print_charts(Session& session, const TrackedRun& found, std::size_t& left) {
  const auto& run = found.run;
  print_text(stdout, "run      {}  {}\nstatus   {}\n", run.text_at("run"), run.text_at("name"),
             lower_ascii(run.text_at("status")));
  if (found.metrics.empty()) print_text(stdout, "no metrics were logged\n");
  std::size_t shown = 0;
  for (; shown < found.metrics.size() && left > 0; ++shown, --left) {
    SLUICE_TRY(points, chart_of(session, found, found.metrics[shown]));
    print_chart(found.metrics[shown], points);
  }
  return found.metrics.size() - shown;
}

Result<Value> json_of(Session& session, const TrackedRun& found, std::size_t& left) {
  List shown;
  for (; shown.size() < found.metrics.size() && left > 0; --left) {
    const auto& metric = found.metrics[shown.size()];
    SLUICE_TRY(points, chart_of(session, found, metric));
    auto one = *metric.if_struct();
    one.set("points", std::move(points));
    shown.emplace_back(std::move(one));
  }
  auto all_of_it = *found.run.if_struct();
  all_of_it.set("metrics_omitted", static_cast<std::int64_t>(found.metrics.size() - shown.size()));
  all_of_it.set("metrics", std::move(shown));
  return Value(std::move(all_of_it));
}

Result<Exit> print_all(Session& session, const MetricsOptions& options, const std::vector<TrackedRun>& runs) {
  auto left = static_cast<std::size_t>(options.limit);
  std::size_t omitted = 0;
  List list;
  for (const auto& run : runs) {
    if (options.common.json) {
      SLUICE_TRY(json, json_of(session, run, left));
      list.push_back(std::move(json));
      continue;
    }
    if (&run != &runs.front()) print_text(stdout, "\n");
    SLUICE_TRY(left_out, print_charts(session, run, left));
    omitted += left_out;
  }
  if (options.common.json) {
    Struct all;
    all.set("runs", std::move(list));
    print_json(all);
  } else if (omitted > 0) {
    print_text(stderr, "{} more; name some with --metric, or raise --limit\n", omitted);
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

Error several_runs(const MetricsOptions& options, const std::vector<TrackedRun>& runs) {
  std::string names;
  constexpr std::size_t named_max = 5;
  for (std::size_t i = 0; i < runs.size() && i < named_max; ++i)
    names += (names.empty() ? "" : ", ") + runs[i].run.text_at("name");
  if (runs.size() > named_max) names += ", …";
  return user_error(
      Code::invalid_argument,
      fmt::format("--emit csv writes the metrics of one run, and {} of its tasks logged some: {}; name "
                  "one: `sluice metrics {} TASK --emit csv`",
                  runs.size(), names, options.run));
}

Result<Exit> metrics(Session& session, const MetricsOptions& options) {
  if (options.emit == "csv" && options.common.json)
    return Fail(user_error(Code::invalid_argument, "--emit csv is a format of its own; leave out --json"));
  SLUICE_TRY(runs, read_runs(session, options));
  if (options.emit != "csv") return print_all(session, options, runs);
  if (runs.size() > 1) return Fail(several_runs(options, runs));
  return print_csv(session, runs.front());
}

}  // namespace

void add_metrics(CommandLine& program) {
  auto options = std::make_shared<MetricsOptions>();
  auto& command = program.add("metrics", "show what MLflow's client logged to a run: its metrics, as charts");
  add_session(command, options->common,
              "sluice metrics latest\n  sluice metrics latest train --metric loss --emit csv > loss.csv");
  command.argument(
      "RUN", options->run,
      "run of a pipeline, whose tasks logged something, or a tracked run: its id, a prefix of it, or "
      "`latest`");
  command.argument("TASK", options->task, "which of the pipeline's tasks; default: all",
                   {.may_be_absent = true});
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
