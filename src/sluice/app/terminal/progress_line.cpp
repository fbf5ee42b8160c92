#include "sluice/app/terminal/progress_line.hpp"

#include <unistd.h>

#include "sluice/app/terminal/run_tree.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

void ProgressLine::draw(const ports::Progress& progress) {
  if (!shown_) return;
  // Line wrapping is disabled: a narrow terminal shows the beginning.
  static_cast<void>(os::write_fd(STDERR_FILENO, "\x1b[?7l\r" + human_progress(progress) + "\x1b[K\x1b[?7h"));
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  static_cast<void>(os::write_fd(STDERR_FILENO, "\r\x1b[K"));
  drawn_ = false;
}

}  // namespace sluice::app
