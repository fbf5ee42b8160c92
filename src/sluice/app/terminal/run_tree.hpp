#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/domain/runs/report.hpp"

namespace sluice::app {

/// One operation of a run, as the tree shows it.
struct TreeRow {
  std::string path;   ///< "folds[3]/fit"; its parent is "folds"
  std::string state;  ///< "running", "succeeded", "cached", "waiting", …
  std::optional<Milliseconds> time;
  std::string note;    ///< why it failed, how far it is, or what it waits for
  bool group = false;  ///< contains others; not counted
};

/// The state of a run at one moment, as the tree shows it.
struct RunPicture {
  std::string state;  ///< of the run
  Milliseconds time{};
  std::vector<TreeRow> rows;  ///< parents before their children
};
/// Operations of the pipeline that have not started are included, as waiting; those of inner regions are not,
/// because their number is not known yet.
RunPicture picture_of(const runs::RunReport& report, const ir::Plan& plan, Time now,
                      const runs::TasksUnderWay& under_way = {});

/// The size and capabilities of the terminal.
struct Screen {
  std::size_t width = 80;
  std::size_t height = 24;
  bool colors = false;
};

/// A line, and how many cells of the terminal it occupies.
struct TreeLine {
  std::string text;
  std::size_t cells = 0;
};

/// Draws the tree in at most `height - 1` lines of at most `width - 1` cells. If not all rows fit, running
/// and failed ones take precedence, then those that ended last; the omitted rows are counted. Pure.
std::vector<TreeLine> draw_tree(const RunPicture& picture, const Screen& screen);

/// "119 of 238 pictures, 50 %, 9.3 a second, 13 s left": as much of it as is known.
std::string human_progress(const ports::Progress& progress);

/// "0.13 s", "12.3 s", "2 min 05 s", "1 h 02 min".
std::string human_time(Milliseconds time);

}  // namespace sluice::app
