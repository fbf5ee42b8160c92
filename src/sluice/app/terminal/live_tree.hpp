#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/app/terminal/run_tree.hpp"

namespace sluice::app {

/// Whether standard error is a terminal on which lines can be redrawn.
bool can_redraw();
/// False if the user has disabled colors with NO_COLOR (https://no-color.org).
bool wants_colors();

/// Redraws a tree in place on standard error, on its own thread, until it is finished. The terminal may
/// change its size at any time. Never hides the cursor or leaves a changed mode: the terminal stays usable
/// however the process ends.
class LiveTree {
 public:
  /// `picture` is called on the drawing thread.
  LiveTree(std::function<RunPicture()> picture, bool colors);
  /// Leaves the last drawing on the screen.
  ~LiveTree();
  LiveTree(const LiveTree&) = delete;
  LiveTree& operator=(const LiveTree&) = delete;

  /// Draws once more and stops: later output appears below. Any thread; idempotent.
  void finish();

 private:
  void loop();
  void draw();

  std::function<RunPicture()> picture_;
  bool colors_;
  std::mutex mutex_;  ///< guards the members below
  std::condition_variable wake_;
  bool finished_ = false;
  std::vector<std::size_t> drawn_;  ///< cells of the lines on the screen
  std::string last_;
  std::thread thread_;
};

}  // namespace sluice::app
