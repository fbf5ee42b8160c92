#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sluice/domain/remote/remote_files.hpp"

namespace sluice::remote {

/// Fetches that are under way or wait for their turn, for clients that follow them. Thread-safe. `files` must
/// outlive it.
class Fetches {
 public:
  struct Limits {
    std::size_t running_max = 4;
    std::size_t waiting_max = 100;
  };
  Fetches(RemoteFiles& files, const Clock& clock, Limits limits)
      : files_(files), clock_(clock), limits_(limits) {}
  /// Cancels all, and waits for their end.
  ~Fetches();
  Fetches(const Fetches&) = delete;
  Fetches& operator=(const Fetches&) = delete;

  /// One fetch. Destroying the last reference of its client cancels it. Thread-safe.
  class Fetch {
   public:
    struct State {
      std::int64_t received = 0;
      std::optional<std::int64_t> total;
      std::optional<Result<RemoteFiles::Fetched>> result;  ///< once it has ended
      std::uint64_t changes = 0;                           ///< how often this has changed
    };
    [[nodiscard]] State state() const;
    /// Calls back once, soon after the state has changed more often than `changes`; possibly within this
    /// call. Not called after the fetch is gone.
    void notify_when_changed(std::uint64_t changes, std::move_only_function<void()> done);
    void cancel() { stop_.request_stop(); }

   private:
    friend class Fetches;
    void change(const std::function<void(State&)>& how);

    RemoteFiles::Source source_;
    std::stop_source stop_;
    mutable std::mutex mutex_;
    State state_;
    std::move_only_function<void()> waiting_;
  };
  /// Refuses at once what `RemoteFiles::check` does. Code::exhausted if too many wait.
  Result<std::shared_ptr<Fetch>> begin(RemoteFiles::Source source);

 private:
  void work();
  void run(Fetch& fetch);

  RemoteFiles& files_;
  const Clock& clock_;
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable more_;
  bool closing_ = false;
  std::deque<std::shared_ptr<Fetch>> waiting_;
  std::vector<std::shared_ptr<Fetch>> running_;
  std::size_t idle_ = 0;  ///< threads that wait for work
  std::vector<std::thread> threads_;
};

}  // namespace sluice::remote
