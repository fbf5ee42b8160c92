#pragma once
#include <functional>
#include <memory>

#include "sluice/driver/dispatcher.hpp"
#include "sluice/ports/run_control.hpp"

namespace sluice::driver {

/// Carries the engine's commands to the ports, and brings back what happens: a dispatcher on a thread of its
/// own.
class Driver final : public ports::RunControl, public ports::OutcomeSink {
 public:
  using Ports = Dispatcher::Ports;
  using Executors = Dispatcher::Executors;

  /// The ports outlive the driver, but for the executors, which need its sink: they are given to `begin`.
  explicit Driver(Ports ports);
  /// Stops the thread. What has happened until then is in the journal; runs that have not ended can be
  /// resumed.
  ~Driver() override;

  /// Starts the thread. Called once, before anything else. Fails as Dispatcher::set_executors does; then
  /// there is no thread, and nothing may be asked of the driver.
  Result<void> begin(Executors executors);
  /// Waits until the thread has ended; executors may be destroyed afterwards. Whoever waits is called back;
  /// questions that come later get Code::unavailable, outcomes that come later are lost (the attempt is taken
  /// up or repeated).
  void end();

  Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan) override;
  Result<void> resume(const RunId& run) override;
  void all_resumed() override;
  Result<void> cancel(const RunId& run, std::string reason) override;
  [[nodiscard]] bool goes_on(const RunId& run) const override;
  void when_longer(const RunId& run, std::uint64_t length, Time deadline,
                   std::move_only_function<void()> done) override;
  void ended(const Fence& fence, engine::Outcome outcome) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::driver
