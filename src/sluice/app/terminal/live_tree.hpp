#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/app/terminal/run_tree.hpp"

namespace sluice::app {

/// Whether standard error is a terminal on which lines can be drawn over.
bool can_draw_over_lines();
/// Whether the person has not asked for a terminal without colours (https://no-color.org).
bool wants_colours();

/// Redraws a tree in place on standard error until it is finished, on a thread of its own. The terminal may
/// change its size at any time. Never hides the cursor or changes a mode: however the process ends, the
/// terminal is fine.
class LiveTree {
 public:
  /// `picture` is called on the thread that draws.
  LiveTree(std::function<RunPicture()> picture, bool colours);
  /// Leaves what was drawn last.
  ~LiveTree();
  LiveTree(const LiveTree&) = delete;
  LiveTree& operator=(const LiveTree&) = delete;

  /// Draws once more and stops: what is printed from now on stands below. Any thread; again is free.
  void finish();

 private:
  void loop();
  void draw();

  std::function<RunPicture()> picture_;
  bool colours_;
  std::mutex mutex_;  ///< guards all below
  std::condition_variable wake_;
  bool finished_ = false;
  std::vector<std::size_t> drawn_;  ///< cells of the lines that stand there
  std::string last_;
  std::thread thread_;
};

}  // namespace sluice::app
