#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/app/command_line.hpp"

namespace sluice::app {

/// What may stand where the cursor is.
struct Completion {
  std::vector<std::string> words;
  bool files = false;  ///< the shell knows better: names of files
};

/// A command line up to the cursor, as far as it can be understood.
struct TypedLine {
  std::string command;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> options;  ///< "--data" → its value
};

/// Names that only the platform knows; `kind` is RUN, TASK, MODEL or ENDPOINT.
using Names = std::function<std::vector<std::string>(std::string_view kind, const TypedLine& line)>;

/// Completes the last of `words` (which may be empty); the program's own name is not among them. All there is
/// comes from the command tree: options, their values, what a positional is called.
Completion complete(const CommandLine& program, const std::vector<std::string>& words, const Names& names);

/// The text that a shell reads once, so that it asks `sluice complete` from then on; `shell` is bash, zsh or
/// fish.
std::string_view completion_script(std::string_view shell);

}  // namespace sluice::app
