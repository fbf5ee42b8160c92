#pragma once
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "sluice/app/end_notice.hpp"
#include "sluice/base/ids.hpp"

namespace sluice::app {

/// Tells about the end of every run of a server, one after the other, on a thread of its own. Which runs it
/// has not told about yet is in a file, so that a server that starts tells what one that died did not. So
/// each end is told at least once, unless the telling fails, a thousand wait already, or the server dies in
/// the moment between storing the end and noting it. Thread-safe.
class EndNotices {
 public:
  struct Parts {
    EndNotice notice;
    ports::Outbound& outbound;
    remote::AllowedUrls allowed;
    std::filesystem::path file;  ///< the ids of the runs that wait, one a line
    /// The report of a run (runs::to_json).
    std::function<Result<Value>(const RunId&)> report_of;
  };
  /// Begins with the runs in the file.
  explicit EndNotices(Parts parts);
  /// Stops; what was not told stays in the file.
  ~EndNotices();
  EndNotices(const EndNotices&) = delete;
  EndNotices& operator=(const EndNotices&) = delete;

  /// The run has ended. Called on a thread that must not be blocked: writes a small file, and returns.
  void ended(const RunId& run);

 private:
  void work(const std::stop_token& stop);
  void save();

  const Parts parts_;
  std::mutex mutex_;
  std::condition_variable_any more_;
  std::deque<RunId> waiting_;
  std::jthread thread_;
};

}  // namespace sluice::app
