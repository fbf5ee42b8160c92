#include "sluice/app/terminal/live_tree.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(100);
constexpr int pause_factor = 10;  ///< limits drawing to about a tenth of a core, also for very many rows

Screen screen_now(bool colors) {
  winsize size{};
  Screen screen{.colors = colors};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    screen.width = size.ws_col;
    screen.height = size.ws_row;
  }
  return screen;
}

}  // namespace

bool can_redraw() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && term && *term && std::string_view(term) != "dumb";
}

bool wants_colors() {
  const char* no = std::getenv("NO_COLOR");
  return !no || !*no;
}

LiveTree::LiveTree(std::function<RunPicture()> picture, bool colors)
    : picture_(std::move(picture)), colors_(colors), thread_([this] { loop(); }) {}

LiveTree::~LiveTree() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LiveTree::finish() {
  const std::lock_guard lock(mutex_);
  if (!finished_) draw();
  finished_ = true;
  wake_.notify_all();
}

void LiveTree::loop() {
  std::unique_lock lock(mutex_);
  while (!finished_) {
    const auto started = std::chrono::steady_clock::now();
    draw();
    const auto took = std::chrono::steady_clock::now() - started;
    wake_.wait_for(lock, std::max<std::chrono::steady_clock::duration>(redraw_interval, took * pause_factor),
                   [this] { return finished_; });
  }
}

void LiveTree::draw() {
  const auto screen = screen_now(colors_);
  const auto lines = draw_tree(picture_(), screen);
  // If the terminal became narrower, it has wrapped the lines on the screen.
  std::size_t up = 0;
  for (const auto cells : drawn_) up += std::max<std::size_t>(1, (cells + screen.width - 1) / screen.width);
  up = std::min(up, screen.height - 1);

  // Line wrapping is disabled: the terminal may become narrower before this is written.
  std::string frame = "\x1b[?7l\r";
  if (up > 0) frame += fmt::format("\x1b[{}A", up);
  for (const auto& line : lines) frame += line.text + "\x1b[K\r\n";
  frame += "\x1b[J\x1b[?7h";
  if (frame == last_) return;
  // A single write, so that no other output is mixed in. If the terminal is gone, its signal ends the
  // process.
  static_cast<void>(os::write_fd(STDERR_FILENO, frame));
  last_ = std::move(frame);
  drawn_.clear();
  for (const auto& line : lines) drawn_.push_back(line.cells);
}

}  // namespace sluice::app
