#include "sluice/app/terminal/run_tree.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "sluice/app/terminal/cells.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/path.hpp"

namespace sluice::app {
namespace {

constexpr double seconds_left_max = 1e9;  ///< more is said by no clock

/// "[3] fit" of "folds[3]/fit".
std::string label_of(std::string_view path) {
  std::string label;
  while (const auto segment = ir::take_segment(path)) {
    const auto visit = segment->visit > 1 ? "#" + std::to_string(segment->visit) : "";
    if (path.empty()) return label.append(ir::readable_path(segment->name)).append(visit);
    label.clear();
    if (segment->inner != ir::PathSegment::Inner::iteration) continue;
    ir::append_inner(label, segment->inner, segment->index);
    label += ' ';
  }
  return std::string(path);
}

bool is_active(const TreeRow& row) {
  return row.state == "running" || row.state == "looking up" || row.state == "waiting to retry";
}
bool is_bad(const TreeRow& row) { return row.state == "failed" || row.state == "blocked"; }

std::string_view color_of(std::string_view state) {
  if (state == "succeeded") return "\x1b[32m";
  if (state == "cached") return "\x1b[36m";
  if (state == "failed" || state == "blocked") return "\x1b[31m";
  if (state == "running" || state == "looking up" || state == "waiting to retry") return "\x1b[33m";
  return "\x1b[2m";
}

std::string colored(const std::string& text, std::string_view state, bool colors) {
  return colors ? std::string(color_of(state)) + text + "\x1b[0m" : text;
}

TreeRow row_of(const runs::OperationReport& operation, Time now, const runs::TasksUnderWay& under_way) {
  TreeRow row{.path = operation.path,
              .state = operation.cached ? "cached" : operation.state,
              .time = {},
              .note = {},
              .group = operation.kind == "branch" || operation.kind == "block" || operation.kind == "each" ||
                       operation.kind == "call"};
  if (row.state == "open") row.state = "running";
  if (row.state == "running" && operation.scheduled)
    row.time = std::max(Milliseconds(0), now - *operation.scheduled);
  if (operation.ended && !operation.cached && operation.usage.ended > operation.usage.started)
    row.time = operation.usage.ended - operation.usage.started;
  if (operation.state == "waiting to retry" || runs::failed_itself(operation))
    row.note = printable(operation.failure.message);
  if (row.state == "skipped" || row.state == "blocked") row.note = printable(operation.why);
  if (const auto* task = runs::find_under_way(operation, under_way)) {
    if (task->progress) {
      row.note = human_progress(*task->progress);
    } else {
      row.state = "waiting";
      row.note = "for a slot: " + printable(task->waits_for);
    }
  }
  return row;
}

/// A row in the order of the tree, with its depth.
struct Placed {
  const TreeRow* row = nullptr;
  std::size_t depth = 0;
  std::size_t parent = 0;  ///< its index in the list, plus one; 0: none
  std::size_t age = 0;     ///< higher: started later
};

std::vector<Placed> place(const std::vector<TreeRow>& rows) {
  std::unordered_map<std::string, std::vector<std::size_t>> children;
  std::unordered_map<std::string, bool> present;
  for (const auto& row : rows) present[row.path] = true;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string parent(ir::parent_path(rows[i].path));
    children[present.contains(parent) ? std::move(parent) : std::string()].push_back(i);
  }
  std::vector<Placed> out;
  out.reserve(rows.size());
  // Iterative: a tree may be as deep as its plan.
  std::vector<std::pair<std::size_t, Placed>> open;  // index of the row, and the row as placed
  const auto push = [&](const std::string& path, std::size_t depth, std::size_t parent) {
    const auto below = children.find(path);
    if (below == children.end()) return;
    for (auto i = below->second.rbegin(); i != below->second.rend(); ++i)
      open.push_back({*i, {.row = &rows[*i], .depth = depth, .parent = parent, .age = *i}});
  };
  push("", 0, 0);
  while (!open.empty()) {
    const auto [index, placed] = open.back();
    open.pop_back();
    out.push_back(placed);
    push(rows[index].path, placed.depth + 1, out.size());
  }
  return out;
}

/// Which rows are shown if only `room` lines are available: the most important ones and their parents.
std::vector<bool> choose(const std::vector<Placed>& placed, std::size_t room) {
  std::vector<bool> shown(placed.size(), placed.size() <= room);
  if (placed.size() <= room) return shown;
  const auto rank = [](const TreeRow& row) {
    return is_active(row) ? 0 : is_bad(row) ? 1 : row.state == "waiting" ? 3 : 2;
  };
  std::vector<std::size_t> order(placed.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto before = [&](std::size_t a, std::size_t b) {
    const auto rank_a = rank(*placed[a].row);
    const auto rank_b = rank(*placed[b].row);
    if (rank_a != rank_b) return rank_a < rank_b;
    return rank_a == 2 ? placed[a].age > placed[b].age : a < b;  // of those that have ended, the latest first
  };
  const auto first = std::min(order.size(), room + 1);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(first), order.end(), before);
  for (std::size_t k = 0; k < first; ++k) {
    std::vector<std::size_t> wanted;
    for (auto i = order[k] + 1; i > 0 && !shown[i - 1]; i = placed[i - 1].parent) wanted.push_back(i - 1);
    if (wanted.size() > room) continue;
    for (const auto i : wanted) shown[i] = true;
    room -= wanted.size();
  }
  return shown;
}

/// Counts rows by state: "3 succeeded, 1 running", in a fixed order.
class Tally {
 public:
  void add(const TreeRow& row) {
    if (!row.group) ++counts_[row.state == "looking up" || row.state == "ready" ? "running" : row.state];
  }
  [[nodiscard]] std::string text() const {
    constexpr std::array order{"failed",  "running", "waiting to retry", "succeeded", "cached",
                               "skipped", "blocked", "cancelled",        "waiting"};
    std::string out;
    for (const auto* state : order)
      if (const auto found = counts_.find(state); found != counts_.end())
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", found->second, state);
    return out;
  }

 private:
  std::map<std::string, std::size_t, std::less<>> counts_;
};

}  // namespace

std::string human_time(Milliseconds time) {
  const auto seconds = static_cast<double>(time.count()) / 1000;
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::chrono::round<std::chrono::seconds>(time).count();
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string human_progress(const ports::Progress& progress) {
  auto out = progress.unit == "%" ? std::string() : std::to_string(progress.done);
  if (!out.empty() && progress.total > 0) out += fmt::format(" of {}", progress.total);
  if (!out.empty() && !progress.unit.empty()) out += " " + printable(progress.unit);
  if (const auto share = progress.share())
    out += fmt::format("{}{:.0f} %", out.empty() ? "" : ", ", std::floor(*share * 100));
  if (progress.rate > 0 && progress.unit != "%")
    out += fmt::format(", {:.{}f} a second", progress.rate, progress.rate < 10 ? 1 : 0);
  if (const auto left = progress.seconds_left(); left && *left < seconds_left_max)
    out += fmt::format(", {} left", human_time(Milliseconds(std::llround(*left * 1000))));
  return out;
}

RunPicture picture_of(const runs::RunReport& report, const ir::Plan& plan, Time now,
                      const runs::TasksUnderWay& under_way) {
  RunPicture picture{
      .state = std::string(report.result ? engine::name(report.result->status) : "running"),
      .time = std::max(Milliseconds(0), (report.result ? report.result->at : now) - report.created.at),
      .rows = {}};
  picture.rows.reserve(report.operations.size());
  std::unordered_map<std::string_view, const runs::OperationReport*> started;
  for (const auto& operation : report.operations)
    if (operation.path.find('/') == std::string::npos) started[operation.path] = &operation;
  // In the order of the plan, so that rows keep their positions.
  if (const auto* pipeline = plan.find(report.created.pipeline))
    for (const auto& operation : pipeline->body.operations) {
      const auto path = percent_encode(operation.name);
      const auto found = started.find(path);
      if (found != started.end())
        picture.rows.push_back(row_of(*found->second, now, under_way));
      else if (!report.result)
        picture.rows.push_back({.path = path,
                                .state = "waiting",
                                .time = {},
                                .note = {},
                                .group = !ir::regions_of(operation).empty() ||
                                         std::holds_alternative<ir::PipelineCall>(operation.what)});
    }
  for (const auto& operation : report.operations)
    if (operation.path.find('/') != std::string::npos)
      picture.rows.push_back(row_of(operation, now, under_way));
  return picture;
}

std::vector<TreeLine> draw_tree(const RunPicture& picture, const Screen& screen) {
  const auto width = std::max<std::size_t>(screen.width, 2) - 1;
  const auto room = std::max<std::size_t>(screen.height, 2) - 1;
  const auto placed = place(picture.rows);
  const bool all = placed.size() + 1 <= room;
  const auto shown = choose(placed, all ? placed.size() : room > 2 ? room - 2 : 0);

  std::size_t names = 0;
  std::size_t states = 0;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    if (!shown[i]) continue;
    names = std::max(names, 2 + 2 * placed[i].depth + cells_of(label_of(placed[i].row->path)));
    states = std::max(states, placed[i].row->state.size());
  }
  constexpr std::size_t time_cells = 11;
  // Long names are truncated: seeing the state matters more than the end of a name.
  names =
      std::min(names, std::max<std::size_t>(
                          width / 4, width > states + time_cells + 4 ? width - states - time_cells - 4 : 0));

  std::vector<TreeLine> lines;
  Tally everything;
  Tally omitted;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const auto& row = *placed[i].row;
    everything.add(row);
    if (!shown[i]) {
      omitted.add(row);
      continue;
    }
    const auto name =
        padded(cut(std::string(2 + 2 * placed[i].depth, ' ') + label_of(row.path), names), names) + "  ";
    const auto state = padded(row.state, states);
    auto rest = row.time ? fmt::format("  {:>{}}", human_time(*row.time), time_cells) : std::string();
    if (!row.note.empty()) rest += "  " + row.note;
    const auto before = cells_of(name);
    if (before + states > width) {
      const auto text = cut(name + state, width);
      lines.push_back({.text = text, .cells = cells_of(text)});
      continue;
    }
    rest = cut(rest, width - before - states);
    const auto& shown_state = rest.empty() ? row.state : state;
    auto text = name;
    text += colored(shown_state, row.state, screen.colors);
    text += rest;
    lines.push_back({.text = std::move(text), .cells = before + shown_state.size() + cells_of(rest)});
  }
  const auto rest = omitted.text();
  if (!rest.empty() && room > 2) {
    const auto text = cut("  … " + rest, width);
    lines.push_back({.text = text, .cells = cells_of(text)});
  }
  const auto total = everything.text();
  const auto text = cut(fmt::format("{} {} {}{}{}", picture.state, picture.state == "running" ? "for" : "in",
                                    human_time(picture.time), total.empty() ? "" : ": ", total),
                        width);
  lines.push_back({.text = text, .cells = cells_of(text)});
  return lines;
}

}  // namespace sluice::app
