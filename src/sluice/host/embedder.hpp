#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sluice/host/base_model.hpp"
#include "sluice/host/task_queue.hpp"

namespace sluice::host {

/// Pictures to features: decoded and prepared on several threads, run through the base on one, which takes
/// whatever waits (up to 16) at a time. Thread-safe. The destructor finishes all that was submitted.
class Embedder {
 public:
  /// Called on a decoding thread.
  using Source = std::move_only_function<Result<media::Picture>()>;
  /// A row of unit length, or why there is none. Called once, on a thread of the embedder: be quick, and do
  /// not wait for it.
  using Done = std::move_only_function<void(Result<std::vector<float>>)>;

  explicit Embedder(std::shared_ptr<const BaseModel> base);
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  void submit(Source source, Done done);
  [[nodiscard]] const BaseModel& base() const { return *base_; }

 private:
  struct Prepared {
    std::vector<float> input;
    Done done;
  };
  void prepare(Source& source, Done& done);
  void infer();

  std::shared_ptr<const BaseModel> base_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Prepared> prepared_;
  bool closing_ = false;
  std::jthread inference_;
  std::unique_ptr<TaskQueue> decoding_;  // goes first: it feeds the inference thread
};

}  // namespace sluice::host
