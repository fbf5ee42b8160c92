#pragma once
#include <string>
#include <vector>

#include "sluice/app/commands/command.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class Option;
class ParseError;
}  // namespace CLI

namespace sluice::app {

/// Tells what is wrong with a command line, with the nearest name of a command or an option; prints the help
/// or the version where that was asked for.
Exit report_usage(const CLI::App& program, const CLI::ParseError& wrong);

/// The option takes one of these words. Help and completion show them.
void take_one_of(CLI::Option& option, std::vector<std::string> words);

}  // namespace sluice::app
