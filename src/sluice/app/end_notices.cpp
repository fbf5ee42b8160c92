#include "sluice/app/end_notices.hpp"

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

constexpr std::size_t waiting_max = 1000;
constexpr std::size_t file_bytes_max = std::size_t{64} << 10;

}  // namespace

EndNotices::EndNotices(Parts parts) : parts_(std::move(parts)) {
  auto text = os::read_file(parts_.file, file_bytes_max).value_or("");
  for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
    if (end > 0 && waiting_.size() < waiting_max) waiting_.push_back({text.substr(0, end)});
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

EndNotices::~EndNotices() = default;

void EndNotices::ended(const RunId& run) {
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= waiting_max) {
      log::warning("--on-end: a thousand runs wait to be told about; run " + run.text + " is left out");
      return;
    }
    waiting_.push_back(run);
    save();
  }
  more_.notify_one();
}

void EndNotices::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (more_.wait(lock, stop, [this] { return !waiting_.empty(); }) && !stop.stop_requested()) {
    const auto run = waiting_.front();
    lock.unlock();
    const auto report = parts_.report_of(run);
    const auto told = report ? parts_.notice.tell(*report, parts_.outbound, parts_.allowed, stop)
                             : Result<void>(Fail(report.error()));
    lock.lock();
    if (stop.stop_requested() && !told) return;
    if (!told)
      log::warning("--on-end: run " + run.text +
                   " has ended, and that could not be told: " + told.error().message);
    waiting_.pop_front();
    save();
  }
}

/// Under the lock.
void EndNotices::save() {
  std::string text;
  for (const auto& run : waiting_) text += run.text + "\n";
  if (const auto written = os::write_file_atomically(parts_.file, text, os::Sync::no, 0600); !written)
    log::warning("--on-end: " + written.error().message);
}

}  // namespace sluice::app
