#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>

#include "sluice/ports/service.hpp"

namespace sluice::test {

/// Blocks calls until the test opens it.
class Gate {
 public:
  /// False if the call was cancelled instead.
  bool pass(const std::stop_token& cancel) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    const bool opened = changed_.wait(lock, cancel, [&] { return open_; });
    --waiting_;
    return opened;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// Returns once a call waits here.
  void wait_for_a_call() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(1), [&] { return waiting_ > 0; }))
      throw std::runtime_error("no call arrived at the gate");
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;
  int waiting_ = 0;
};

/// A service whose work the test writes. Counts its calls by the task's path.
class WrittenService final : public ports::Service {
 public:
  using Work = std::function<Result<Struct>(const ports::ServiceCall&)>;
  WrittenService(ir::Signature signature, Work work)
      : signature_(std::move(signature)), work_(std::move(work)) {}

  [[nodiscard]] const ir::Signature& signature() const override { return signature_; }
  [[nodiscard]] Result<Value> environment(const Struct&) const override {
    if (gate_) gate_->pass({});
    return environment_;
  }
  Result<Struct> run(const ports::ServiceCall& call) override {
    {
      const std::lock_guard lock(mutex_);
      ++calls_[call.path];
    }
    return work_(call);
  }
  [[nodiscard]] int calls(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return calls_[path];
  }
  /// Its look-ups wait at the gate.
  void look_up_behind(Gate& gate) { gate_ = &gate; }
  void set_environment(Value environment) { environment_ = std::move(environment); }

 private:
  ir::Signature signature_;
  Work work_;
  Value environment_;
  Gate* gate_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, int> calls_;
};

inline ir::Type any_type() {
  return {.kind = ir::Type::Kind::any, .element = nullptr, .artifact_kind = "any"};
}

inline Struct one(std::string key, Value value) {
  Struct s;
  s.set(std::move(key), std::move(value));
  return s;
}

}  // namespace sluice::test
