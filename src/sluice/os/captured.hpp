#pragma once
// Runs another program to its end, for what it prints.
#include <chrono>
#include <string>

#include "sluice/os/process.hpp"

namespace sluice::os {

struct Captured {
  Exit exit;
  bool timed_out = false;  ///< it was killed, with its process group
  std::string out;         ///< the beginning of its standard output
  std::string error;       ///< the end of its standard error
};

/// Starts the program in a process group of its own, and waits for it. Of each stream at most `bytes_max`
/// bytes are kept; the rest is read and dropped. What the program leaves behind may keep the streams open: it
/// is not waited for. `options.fds` and `options.new_group` are set here.
Result<Captured> run_captured(SpawnOptions options, std::chrono::milliseconds limit, std::size_t bytes_max);

}  // namespace sluice::os
