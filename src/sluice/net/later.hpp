#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace sluice::net {

/// Where a handler's answer, or a stream's next piece, waits for the connection that will send it. It may be
/// settled from any thread, also long after the connection and even the server have gone: then it goes
/// nowhere. Thread-safe.
template <typename T>
class Later : public std::enable_shared_from_this<Later<T>> {
 public:
  /// `wake` is called once, under a lock and on any thread, when the value is there or will never come; not
  /// after `close`.
  explicit Later(std::function<void(std::shared_ptr<Later>)> wake) : wake_(std::move(wake)) {}

  /// The function that takes the value. Letting go of it uncalled counts as "will never come".
  [[nodiscard]] std::move_only_function<void(T)> taker() {
    return [ticket = std::make_unique<Ticket>(this->shared_from_this())](T value) mutable {
      ticket->later->settle(std::move(value));
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

  /// Once settled: the value, or nothing where it never came.
  [[nodiscard]] std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }

 private:
  struct Ticket {
    explicit Ticket(std::shared_ptr<Later> l) : later(std::move(l)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { later->settle(std::nullopt); }
    std::shared_ptr<Later> later;
  };

  void settle(std::optional<T> value) {
    const std::lock_guard lock(mutex_);
    if (settled_) return;
    settled_ = true;
    value_ = std::move(value);
    if (wake_) wake_(this->shared_from_this());
  }

  mutable std::mutex mutex_;
  std::function<void(std::shared_ptr<Later>)> wake_;
  bool settled_ = false;
  std::optional<T> value_;
};

}  // namespace sluice::net
