#pragma once
#include <chrono>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>

namespace sluice::test {

/// Polls until `holds` returns true; for conditions without an event to wait for. Throws after a minute,
/// which fails and ends the test.
inline void wait_until(const std::function<bool()>& holds,
                       const std::source_location& where = std::source_location::current()) {
  using std::chrono::steady_clock;
  constexpr auto limit = std::chrono::minutes(1);  // far longer than any step takes on a busy machine
  const auto end = steady_clock::now() + limit;
  while (!holds()) {
    if (steady_clock::now() > end)
      throw std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                               ": condition not met after a minute");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace sluice::test
