#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/app/command_line.hpp"

namespace sluice::app {

/// The possible completions at the cursor.
struct Completion {
  std::vector<std::string> words;
  bool files = false;  ///< the shell should complete file names
};

/// A command line up to the cursor, as far as it can be parsed.
struct TypedLine {
  std::string command;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> options;  ///< "--data" → its value
};

/// Provides names that only the platform knows; `kind` is RUN, TASK, MODEL or ENDPOINT.
using Names = std::function<std::vector<std::string>(std::string_view kind, const TypedLine& line)>;

/// Completes the last of `words` (which may be empty); the program's own name is not among them. Everything
/// is derived from the command tree: options, their values, the names of arguments.
Completion complete(const CommandLine& program, const std::vector<std::string>& words, const Names& names);

/// The script that makes a shell call `sluice complete` for completions; `shell` is bash, zsh or fish.
std::string_view completion_script(std::string_view shell);

}  // namespace sluice::app
