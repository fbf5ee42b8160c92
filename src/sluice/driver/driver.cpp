#include "sluice/driver/driver.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "sluice/driver/worker_threads.hpp"

namespace sluice::driver {

namespace {

/// The maximum number of inputs that are decided together and stored in one transaction.
constexpr std::size_t batch_max = 512;
/// … and the size of their events, beyond which the batch ends early.
constexpr std::size_t batch_bytes_max = 8 << 20;

constexpr std::size_t workers_max = 4;

/// A client that follows a run asks again after each response: no more often than this, unless the run has
/// ended.
constexpr auto follow_interval = Milliseconds(20);

struct Waiter {
  RunId run;
  std::uint64_t length = 0;
  Time earliest{};
  Time deadline{};
  std::move_only_function<void()> done;
};

}  // namespace

struct Driver::Impl {
  explicit Impl(Ports ports)
      : clock(ports.clock),
        workers(workers_max, [this](Workers::Then then) { post(std::move(then)); }),
        dispatcher(with(std::move(ports), workers)) {}

  static Ports with(Ports ports, Workers& workers) {
    ports.workers = &workers;
    return ports;
  }

  const Clock& clock;
  WorkerThreads workers;
  Dispatcher dispatcher;        // the driver's thread only
  std::vector<Waiter> waiters;  // the driver's thread only

  // Shared with other threads, under the mutex.
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::move_only_function<void()>> messages;  ///< run on the driver's thread
  bool closing = false;
  bool closed = false;  ///< messages are no longer run
  std::thread thread;

  /// False if the message will not be run, because the driver has ended.
  bool post(std::move_only_function<void()> message) {
    {
      const std::lock_guard lock(mutex);
      if (closed) return false;
      messages.push_back(std::move(message));
    }
    wake.notify_one();
    return true;
  }

  /// Runs `work` on the driver's thread, waits for its result and returns it.
  Result<void> call(std::move_only_function<Result<void>()> work) {
    struct Pending {
      std::mutex mutex;
      std::condition_variable ready;
      std::optional<Result<void>> result;
    };
    auto pending = std::make_shared<Pending>();
    const bool posted = post([pending, work = std::move(work)]() mutable {
      auto result = work();
      const std::lock_guard lock(pending->mutex);
      pending->result = std::move(result);
      pending->ready.notify_all();
    });
    if (!posted)
      return Fail(environment_error(Code::unavailable,
                                    "this server is shutting down; retry when it is running again"));
    std::unique_lock lock(pending->mutex);
    pending->ready.wait(lock, [&] { return pending->result.has_value(); });
    return std::move(*pending->result);
  }

  void loop() {
    while (!take_messages()) {
      dispatcher.advance();
      dispatcher.store_and_carry_out();
      notify_waiters();
    }
    dispatcher.close();
    for (auto& waiter : std::exchange(waiters, {})) waiter.done();
  }

  /// Waits for messages or a timer, and runs the messages. Returns true after the last ones.
  bool take_messages() {
    std::deque<std::move_only_function<void()>> batch;
    {
      std::unique_lock lock(mutex);
      const auto has_input = [&] { return closing || !messages.empty(); };
      if (const auto due = next_due()) {
        const auto pause = std::max(Milliseconds(0), *due - clock.now());
        wake.wait_for(lock, pause, has_input);
      } else {
        wake.wait(lock, has_input);
      }
      closed = closing;
      while (!messages.empty() && (closed || batch.size() < batch_max)) {
        batch.push_back(std::move(messages.front()));
        messages.pop_front();
      }
    }
    while (!batch.empty() && (closed || dispatcher.bytes_to_store() < batch_bytes_max)) {
      batch.front()();
      batch.pop_front();
    }
    if (batch.empty()) return closed;
    const std::lock_guard lock(mutex);
    messages.insert(messages.begin(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end()));
    return false;
  }

  std::optional<Time> next_due() const {
    auto due = dispatcher.next_due();
    for (const auto& waiter : waiters) {
      const auto at = is_longer(waiter) ? waiter.earliest : waiter.deadline;
      due = std::min(due.value_or(at), at);
    }
    return due;
  }

  bool is_longer(const Waiter& waiter) const {
    return dispatcher.length(waiter.run).value_or(UINT64_MAX) > waiter.length;
  }

  void notify_waiters() {
    const auto now = clock.now();
    for (std::size_t i = 0; i < waiters.size();) {
      const auto& next = waiters[i];
      const bool is_running = dispatcher.length(next.run).has_value();
      if (is_running && next.deadline > now && (next.earliest > now || !is_longer(next))) {
        ++i;
        continue;
      }
      auto waiter = std::move(waiters[i]);
      waiters[i] = std::move(waiters.back());
      waiters.pop_back();
      waiter.done();
    }
  }
};

Driver::Driver(Ports ports) : impl_(std::make_unique<Impl>(std::move(ports))) {}

Driver::~Driver() { end(); }

Result<void> Driver::begin(Executors executors) {
  SLUICE_DO(impl_->dispatcher.set_executors(std::move(executors)));
  impl_->thread = std::thread([this] { impl_->loop(); });
  return {};
}

void Driver::end() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->workers.stop();
}

Result<void> Driver::start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan,
                           ports::RunOrigin origin) {
  return impl_->call(
      [this, created = std::move(created), plan = std::move(plan), origin = std::move(origin)]() mutable {
        return impl_->dispatcher.start(std::move(created), std::move(plan), std::move(origin));
      });
}

Result<void> Driver::resume(const RunId& run) {
  return impl_->call([this, run] { return impl_->dispatcher.resume(run); });
}

void Driver::begin_resuming() {
  impl_->post([this] { impl_->dispatcher.begin_resuming(); });
}

void Driver::end_resuming(bool complete) {
  impl_->post([this, complete] { impl_->dispatcher.end_resuming(complete); });
}

Result<void> Driver::cancel(const RunId& run, std::string reason) {
  return impl_->call([this, run, reason = std::move(reason)]() mutable {
    return impl_->dispatcher.cancel(run, std::move(reason));
  });
}

bool Driver::is_running(const RunId& run) const { return impl_->dispatcher.is_running(run); }

std::vector<ports::TaskUnderWay> Driver::under_way(const RunId& run, std::size_t limit) const {
  std::vector<ports::TaskUnderWay> out;
  std::vector<Dispatcher::RunningAttempt> attempts;
  std::ignore = impl_->call([&]() -> Result<void> {
    for (auto& [path, slot] : impl_->dispatcher.waiting(run, limit))
      out.push_back({.path = std::move(path), .waits_for = std::move(slot)});
    attempts = impl_->dispatcher.attempts(run);
    return {};
  });
  // Not on the driver's thread: an executor may read a file.
  std::size_t reporting = 0;
  for (auto& attempt : attempts) {
    auto progress = attempt.executor->progress(attempt.fence);
    if (!progress) continue;
    out.push_back({.path = std::move(attempt.path), .progress = std::move(progress)});
    if (++reporting == limit) break;
  }
  return out;
}

void Driver::notify_when_longer(const RunId& run, std::uint64_t length, Time deadline,
                                std::move_only_function<void()> done) {
  auto waiter =
      std::make_shared<Waiter>(Waiter{.run = run,
                                      .length = length,
                                      .earliest = std::min(deadline, impl_->clock.now() + follow_interval),
                                      .deadline = deadline,
                                      .done = std::move(done)});
  if (!impl_->post([this, waiter] { impl_->waiters.push_back(std::move(*waiter)); })) waiter->done();
}

void Driver::ended(const Fence& fence, engine::Outcome outcome) {
  impl_->post([this, fence, outcome = std::move(outcome)]() mutable {
    impl_->dispatcher.ended(fence, std::move(outcome));
  });
}

}  // namespace sluice::driver
