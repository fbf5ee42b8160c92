#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace sluice::net {

/// A value that is produced later: a handler's response, or the next piece of a stream, for the connection
/// that will send it. It may be resolved from any thread, also long after the connection and even the server
/// were destroyed: then the value is dropped. The connection's thread waits for the resolving thread only in
/// `close`.
template <typename T>
class Deferred : public std::enable_shared_from_this<Deferred<T>> {
 public:
  /// Both callbacks run on the resolving thread, under a lock, and not after `close`: `receive` gets the
  /// value before the connection's thread can, and `wake` is called once when the value exists or never will.
  explicit Deferred(std::function<void(std::shared_ptr<Deferred>)> wake,
                    std::function<void(T&)> receive = nullptr)
      : receive_(std::move(receive)), wake_(std::move(wake)) {}

  /// The function that resolves this with a value. Destroying it uncalled resolves this without a value.
  [[nodiscard]] std::move_only_function<void(T)> callback() {
    return [ticket = std::make_unique<Ticket>(this->shared_from_this())](T value) mutable {
      ticket->deferred->resolve(std::move(value));
    };
  }

  // Called on the connection's thread:

  /// The value is no longer wanted.
  void close() {
    closed_ = true;
    const std::lock_guard lock(mutex_);
    receive_ = nullptr;
    wake_ = nullptr;
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool resolved() const { return resolved_; }

  /// The value; nullopt if it is not resolved yet, or without a value.
  [[nodiscard]] std::optional<T> take() {
    if (!resolved_) return std::nullopt;
    return std::exchange(value_, std::nullopt);
  }

 private:
  struct Ticket {
    explicit Ticket(std::shared_ptr<Deferred> d) : deferred(std::move(d)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { deferred->resolve(std::nullopt); }
    std::shared_ptr<Deferred> deferred;
  };

  void resolve(std::optional<T> value) {
    const std::lock_guard lock(mutex_);
    if (resolved_) return;
    value_ = std::move(value);
    if (value_ && receive_) receive_(*value_);
    resolved_ = true;
    if (wake_) wake_(this->shared_from_this());
  }

  std::mutex mutex_;
  std::function<void(T&)> receive_;
  std::function<void(std::shared_ptr<Deferred>)> wake_;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> resolved_ = false;
  std::optional<T> value_;  ///< once resolved, owned by the connection's thread
};

}  // namespace sluice::net
