#pragma once
// Private to this module: runs a program that may read what the system has installed, and nothing of a user.
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::environments {

struct ConfinedProgram {
  std::filesystem::path program;
  std::vector<std::string> argv;  ///< argv[0] included
  std::vector<std::string> env;   ///< "NAME=value", complete
  std::filesystem::path cwd;
  std::vector<std::filesystem::path> readable;  ///< also executable; besides the system's
  std::vector<std::filesystem::path> writable;
  std::chrono::milliseconds limit{};  ///< it is killed then, with its children
  /// Asked every second: it is killed at an error, which is returned.
  std::function<Result<void>()> proceed = [] { return Result<void>(); };
};
struct Finished {
  int status = 0;  ///< of the program; meaningless if it was killed
  bool killed = false;
  bool timed_out = false;
  std::string output;  ///< the end of what it printed to standard output and error
};

/// Waits for it. Where the kernel has Landlock, it is confined: the network is open, the files are not.
Result<Finished> run_confined(const ConfinedProgram& program);

}  // namespace sluice::environments
