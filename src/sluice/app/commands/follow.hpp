#pragma once
#include "sluice/app/commands/command.hpp"
#include "sluice/app/terminal/interrupts.hpp"

namespace sluice::app {

/// How a followed run is shown.
enum class Show {
  progress,  ///< on standard error: a tree on a terminal, else a line for each task that ends
  nothing,
};

/// Follows the run until it has ended and returns its report. Reconnects if the server is lost for a moment.
/// Ctrl-C ends the process, after a message about how to continue.
Result<Value> follow(Session& session, const RunId& run, Show show, Interrupts& interrupts);

/// Prints the result of `run` and `resume`, as JSON or for people; the exit status says whether the run
/// succeeded. `hint_options`: see Session::hint_options.
Exit print_result(const Value& report, bool json, const std::string& hint_options);

}  // namespace sluice::app
