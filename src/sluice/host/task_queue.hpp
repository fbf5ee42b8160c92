#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::host {

/// A pool of threads that take tasks from one queue, in order. Thread-safe. The destructor completes all
/// submitted tasks.
class TaskQueue {
 public:
  using Task = std::move_only_function<void()>;

  explicit TaskQueue(std::size_t threads);
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  void submit(Task task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool closing_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace sluice::host
