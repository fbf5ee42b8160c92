#pragma once
#include <functional>
#include <map>

#include "virtual_clock.hpp"

namespace sluice::sim {

/// The queue of future actions, ordered by time; those of the same time are in the order of their insertion.
class Timeline {
 public:
  explicit Timeline(VirtualClock& clock) : clock_(clock) {}

  void after(Milliseconds pause, std::function<void()> action) {
    actions_.emplace(clock_.since_start() + pause, std::move(action));
  }
  /// Advances the clock to the next action and runs it; false if there is none.
  bool step() {
    if (actions_.empty()) return false;
    auto next = actions_.extract(actions_.begin());
    clock_.go_to(next.key());
    next.mapped()();
    return true;
  }

 private:
  VirtualClock& clock_;
  std::multimap<Milliseconds, std::function<void()>> actions_;
};

}  // namespace sluice::sim
