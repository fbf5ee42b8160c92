#pragma once
#include <cstddef>
#include <cstdint>

namespace sluice::engine {

/// What one run, and one decision, may use at most. Limits concern new decisions: events that are in a
/// journal already are never checked.
struct Limits {
  std::size_t operations = 250'000;     ///< in regions that have not ended: 0.3 to 2 KB of memory each
  std::uint64_t events = 20'000'000;    ///< in the journal; checked by the driver
  std::uint64_t bytes = 4'000'000'000;  ///< of these events, as JSON; checked by the driver

  // The following are changed in tests only.

  /// The items of one `each`: the result of each iteration is kept until the last one has ended.
  std::size_t items = 1'000'000;
  /// Iterations of an `each` that run at once where the plan gives no `limit`.
  std::int64_t iterations_at_once = 1'024;
  /// Operations in all unfinished iterations of a run. An `each` without an unfinished iteration may start
  /// one nevertheless: otherwise nested ones could wait for each other forever. The operations of a plain
  /// graph do not count.
  std::size_t operations_in_iterations = 8'192;
  /// One decision ends after so many events, or bytes in them, and the next one continues.
  std::size_t decision_events = 1'000;
  std::size_t decision_bytes = 1 << 20;
};

}  // namespace sluice::engine
