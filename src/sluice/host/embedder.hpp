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

/// Computes the features of pictures: several threads decode and preprocess, one thread runs the base on
/// batches of what is waiting (up to 16). Thread-safe. The destructor completes all submitted work.
class Embedder {
 public:
  /// Called on a decoding thread.
  using Source = std::move_only_function<Result<media::Picture>()>;
  /// Receives a row of unit length, or the error. Called once, on a thread of the embedder: it must be quick
  /// and must not wait for the embedder.
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
  std::unique_ptr<TaskQueue> decoding_;  // destroyed first: it feeds the inference thread
};

}  // namespace sluice::host
