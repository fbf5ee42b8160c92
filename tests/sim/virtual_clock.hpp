#pragma once
#include "sluice/base/clock.hpp"

namespace sluice::sim {

/// A clock that advances only when told to. Its wall-clock time may also jump, its steady time does not.
class VirtualClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return Time(since_start_ + wall_); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return since_start_; }
  [[nodiscard]] Milliseconds since_start() const { return since_start_; }

  void go_to(Milliseconds since_start) { since_start_ = std::max(since_start_, since_start); }
  void jump(Milliseconds by) { wall_ += by; }

 private:
  Milliseconds since_start_{};
  Milliseconds wall_ = std::chrono::days(20'000);
};

}  // namespace sluice::sim
