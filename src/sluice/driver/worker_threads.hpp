#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "sluice/driver/workers.hpp"

namespace sluice::driver {

/// Some threads that run jobs. Thread-safe.
class WorkerThreads final : public Workers {
 public:
  /// `deliver` is called on the workers' threads with what follows from each job.
  WorkerThreads(std::size_t count, std::function<void(Then)> deliver);
  ~WorkerThreads() override;
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  void run(const RunId& run, std::move_only_function<Then()> job) override;
  /// Waits for the jobs that run, and drops those that wait; later ones are dropped too.
  void stop();

 private:
  using Job = std::move_only_function<Then()>;
  void work();

  std::function<void(Then)> deliver_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_map<RunId, std::deque<Job>> jobs_;  ///< none is empty
  std::deque<RunId> turns_;                          ///< its keys, the next one first
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::driver
