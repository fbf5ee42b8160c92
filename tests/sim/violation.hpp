#pragma once
#include <stdexcept>

namespace sluice::sim {

/// Something happened that must not.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The server was killed at this instant: thrown through it by the port that it was calling.
struct Killed {};

}  // namespace sluice::sim
