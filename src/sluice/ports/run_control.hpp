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
  virtual Result<void> cancel(const RunId& run, std::string reason) = 0;
  /// Calls back once, soon after the run's journal is longer than `length`, or the run has ended, or `deadline` has passed.
  virtual void when_longer(const RunId& run, std::uint64_t length, Time deadline, std::move_only_function<void()> done) = 0;
};

}  // namespace sluice::ports
