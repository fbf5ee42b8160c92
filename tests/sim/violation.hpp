#pragma once
#include <stdexcept>

namespace sluice::sim {

/// An oracle failed: something happened that must never happen.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The server is killed at this point: thrown through it by the port that it is calling.
struct Killed {};

}  // namespace sluice::sim
