#pragma once
#include "sluice/base/clock.hpp"
#include "sluice/ports/progress.hpp"

namespace sluice::app {

/// How far a command is, in one line on standard error that is redrawn in place (see `can_redraw`) and is
/// gone at the end. Used by one thread.
class ProgressLine {
 public:
  explicit ProgressLine(bool shown) : shown_(shown) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void draw(const ports::Progress& progress);
  /// Removes the line, for other output in its place.
  void clear();

 private:
  bool shown_;
  bool drawn_ = false;
};

}  // namespace sluice::app
