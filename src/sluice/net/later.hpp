#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace sluice::net {

/// Where a handler's answer, or a stream's next piece, waits for the connection that will send it. It may be
/// settled from any thread, also long after the connection and even the server have gone: then it goes
/// nowhere. The connection's thread does not wait for the one that settles, but in `close`.
template <typename T>
class Later : public std::enable_shared_from_this<Later<T>> {
 public:
  /// On the thread that settles it, under a lock, and not after `close`: `receive` sees the value before the
  /// connection's thread can, and `wake` is called once when it is there or will never come.
  explicit Later(std::function<void(std::shared_ptr<Later>)> wake, std::function<void(T&)> receive = nullptr)
      : receive_(std::move(receive)), wake_(std::move(wake)) {}

  /// The function that takes the value. Letting go of it uncalled counts as "will never come".
  [[nodiscard]] std::move_only_function<void(T)> taker() {
    return [ticket = std::make_unique<Ticket>(this->shared_from_this())](T value) mutable {
      ticket->later->settle(std::move(value));
    };
  }

  // The connection's thread:

  /// It has lost interest.
  void close() {
    closed_ = true;
    const std::lock_guard lock(mutex_);
    receive_ = nullptr;
    wake_ = nullptr;
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool settled() const { return settled_; }

  /// The value; nothing where it is not there, or never comes.
  [[nodiscard]] std::optional<T> take() {
    if (!settled_) return std::nullopt;
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
    value_ = std::move(value);
    if (value_ && receive_) receive_(*value_);
    settled_ = true;
    if (wake_) wake_(this->shared_from_this());
  }

  std::mutex mutex_;
  std::function<void(T&)> receive_;
  std::function<void(std::shared_ptr<Later>)> wake_;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> settled_ = false;
  std::optional<T> value_;  ///< once settled, the connection's thread's
};

}  // namespace sluice::net
