#pragma once
#include <functional>
#include <memory>

#include "sluice/base/clock.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::ports {

/// Starts runs and follows them; the driver implements it. Thread-safe.
class RunControl {
 public:
  virtual ~RunControl() = default;
  /// The run is in the journal when this returns. `plan` is the verified plan of `created.plan`.
  virtual Result<void> start(engine::RunCreated created, std::shared_ptr<const ir::Plan> plan) = 0;
  /// Goes on with a run of the journal that has not ended; free where it goes on already.
  virtual Result<void> resume(const RunId& run) = 0;
  /// Every run of the journal that has not ended goes on here.
  virtual void all_resumed() {}
  virtual Result<void> cancel(const RunId& run, std::string reason) = 0;
  /// Whether the run goes on here. False: it has ended, or it stopped (its events could not be stored) or was
  /// never resumed.
  [[nodiscard]] virtual bool goes_on(const RunId& run) const = 0;
  /// Calls back once, soon (milliseconds, so that who follows a busy run gets many events at once) after the
  /// run's journal is longer than `length`, or the run does not go on here, or `deadline` has passed. On a
  /// thread that must not be kept waiting; may be called back at once.
  virtual void when_longer(const RunId& run, std::uint64_t length, Time deadline,
                           std::move_only_function<void()> done) = 0;
};

}  // namespace sluice::ports
