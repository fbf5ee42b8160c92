#pragma once
#include <map>
#include <string>
#include <vector>

#include "sluice/app/commands/command.hpp"

namespace sluice::app {

struct RunRequest {
  std::string file;
  std::string pipeline = "main";
  std::vector<std::string> inputs;  ///< "name=value"
  bool cache = true;
};

/// Compiles the plan here (so that its mistakes are told at once), puts the files it needs into the store,
/// and submits it.
Result<RunId> submit(Session& session, const RunRequest& request);

/// Prints what happens to the run until it ends (plain lines on standard error, unless `quiet`); answers its
/// report.
Result<Value> follow(Session& session, const RunId& run, bool quiet);

/// The end of `run` and `resume`: the report as JSON or for people; the exit status says whether the work
/// succeeded.
Exit conclude(const Value& report, bool json);

}  // namespace sluice::app
