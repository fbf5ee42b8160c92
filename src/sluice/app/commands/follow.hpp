#pragma once
#include "sluice/app/commands/command.hpp"
#include "sluice/app/terminal/interrupts.hpp"

namespace sluice::app {

/// How a run that is followed shows.
enum class Show {
  progress,  ///< a tree on a terminal, else a line for each task that has ended; on standard error
  nothing,
};

/// Follows the run to its end and answers its report. A server that is lost for a moment is asked again.
/// Ctrl-C ends the process, having said how to come back.
Result<Value> follow(Session& session, const RunId& run, Show show, Interrupts& interrupts);

/// The end of `run` and `resume`: the report as JSON or for people; the exit status says whether the work
/// succeeded. `again`: the options of hints (Session::again).
Exit conclude(const Value& report, bool json, const std::string& again);

}  // namespace sluice::app
