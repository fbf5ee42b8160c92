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
  std::string note;    ///< why it failed
  bool group = false;  ///< holds others; not counted
};

/// What a run looks like at one moment.
struct RunPicture {
  std::string state;  ///< of the run
  Milliseconds time{};
  std::vector<TreeRow> rows;  ///< parents before their children
};
/// Operations of the pipeline that have not begun are there too, as waiting; those of inner regions are not,
/// as nobody knows how many there will be.
RunPicture picture_of(const runs::RunReport& report, const ir::Plan& plan, Time now);

struct Screen {
  std::size_t width = 80;
  std::size_t height = 24;
  bool colours = false;
};

/// A line, and how many cells of the terminal it takes.
struct TreeLine {
  std::string text;
  std::size_t cells = 0;
};

/// The tree in at most `height - 1` lines of at most `width - 1` cells: if not all rows fit, those that run
/// or have failed come first, then what ended last; what is left out is counted. Pure.
std::vector<TreeLine> draw_tree(const RunPicture& picture, const Screen& screen);

/// "0.13 s", "12.3 s", "2 min 05 s", "1 h 02 min".
std::string human_time(Milliseconds time);

}  // namespace sluice::app
