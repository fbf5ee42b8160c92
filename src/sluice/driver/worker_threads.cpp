#include "sluice/driver/worker_threads.hpp"

#include <utility>

namespace sluice::driver {

WorkerThreads::WorkerThreads(std::size_t count, std::function<void(Then)> deliver)
    : deliver_(std::move(deliver)) {
  for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

WorkerThreads::~WorkerThreads() { stop(); }

void WorkerThreads::run(const RunId& run, Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    auto& jobs = jobs_[run];
    if (jobs.empty()) turns_.push_back(run);
    jobs.push_back(std::move(job));
  }
  wake_.notify_one();
}

void WorkerThreads::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : std::exchange(threads_, {})) thread.join();
}

void WorkerThreads::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !turns_.empty(); });
      if (stopping_) return;
      const auto run = std::move(turns_.front());
      turns_.pop_front();
      const auto jobs = jobs_.find(run);
      job = std::move(jobs->second.front());
      jobs->second.pop_front();
      if (jobs->second.empty())
        jobs_.erase(jobs);
      else
        turns_.push_back(run);
    }
    deliver_(job());
  }
}

}  // namespace sluice::driver
