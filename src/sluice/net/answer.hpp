#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "sluice/ports/http.hpp"

namespace sluice::net {

/// Where a handler's answer waits for the connection that will send it. The handler may answer from any
/// thread, also long after the connection and even the server have gone: then the answer goes nowhere.
/// Thread-safe.
class Answer : public std::enable_shared_from_this<Answer> {
 public:
  /// `wake` is called once, under a lock and on any thread, when the answer is there or will never come; not
  /// after `close`.
  explicit Answer(std::function<void(std::shared_ptr<Answer>)> wake) : wake_(std::move(wake)) {}

  /// The function that a handler is given. Letting go of it unanswered counts as "will never come".
  [[nodiscard]] ports::Responder responder() {
    return [ticket = std::make_unique<Ticket>(shared_from_this())](ports::Response response) mutable {
      ticket->answer->settle(std::move(response));
    };
  }

  /// The connection has lost interest.
  void close() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
  }
  [[nodiscard]] bool closed() const {
    const std::lock_guard lock(mutex_);
    return !wake_;
  }

  [[nodiscard]] bool settled() const {
    const std::lock_guard lock(mutex_);
    return settled_;
  }

  /// Once settled: the answer, or nothing where it never came.
  [[nodiscard]] std::optional<ports::Response> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(response_, std::nullopt);
  }

 private:
  struct Ticket {
    explicit Ticket(std::shared_ptr<Answer> a) : answer(std::move(a)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { answer->settle(std::nullopt); }
    std::shared_ptr<Answer> answer;
  };

  void settle(std::optional<ports::Response> response) {
    const std::lock_guard lock(mutex_);
    if (settled_) return;
    settled_ = true;
    response_ = std::move(response);
    if (wake_) wake_(shared_from_this());
  }

  mutable std::mutex mutex_;
  std::function<void(std::shared_ptr<Answer>)> wake_;
  bool settled_ = false;
  std::optional<ports::Response> response_;
};

}  // namespace sluice::net
