#pragma once
#include <functional>
#include <memory>

#include "sluice/driver/dispatcher.hpp"
#include "sluice/ports/run_control.hpp"

namespace sluice::driver {

/// A dispatcher on a thread of its own: carries the engine's commands out through the ports, and passes what
/// happens back to the engine.
class Driver final : public ports::RunControl, public ports::OutcomeSink {
 public:
  using Ports = Dispatcher::Ports;
  using Executors = Dispatcher::Executors;

  /// The ports outlive the driver, except for the executors, which need its sink: they are passed to `begin`.
  explicit Driver(Ports ports);
  /// Stops the thread. Everything that has happened until then is in the journal; runs that have not ended
  /// can be resumed.
  ~Driver() override;

  /// Starts the thread. Called once, before anything else. Fails as Dispatcher::set_executors does; then no
  /// thread is running, and no other function of the driver may be called.
  Result<void> begin(Executors executors);
  /// Waits until the thread has ended; executors may be destroyed afterwards. Waiters are called
  /// back; later calls fail with Code::unavailable, and later outcomes are lost (the attempt is reattached or
  /// repeated).
  void end();

  Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan,
                     ports::RunOrigin origin = {}) override;
  Result<void> resume(const RunId& run) override;
  void begin_resuming() override;
  void end_resuming(bool complete) override;
  Result<void> cancel(const RunId& run, std::string reason) override;
  [[nodiscard]] bool is_running(const RunId& run) const override;
  [[nodiscard]] std::vector<ports::TaskUnderWay> under_way(const RunId& run,
                                                           std::size_t limit) const override;
  void notify_when_longer(const RunId& run, std::uint64_t length, Time deadline,
                          std::move_only_function<void()> done) override;
  void ended(const Fence& fence, engine::Outcome outcome) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::driver
