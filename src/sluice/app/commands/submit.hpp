#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sluice/app/commands/command.hpp"

namespace sluice::app {

/// A request of `sluice run`.
struct RunRequest {
  std::string file;
  std::string pipeline;                         ///< "": the plan's entry
  std::vector<std::string> inputs;              ///< "name=value"
  std::vector<std::string> input_secrets = {};  ///< "name=secret", for an input that is a URL
  bool cache = true;
  bool strict = false;  ///< what would be a warning is refused
};

/// Receives a line for the person who submits a run.
using Notice = std::function<void(const std::string&)>;

/// Compiles the plan here (so that its problems are reported at once), and stores the files that it needs.
/// Returns the body of a submission, POST /v1/runs. `given_later`: an input without a value; "": none.
Result<Struct> prepare_submission(Session& session, const RunRequest& request, const Notice& notice,
                                  const std::string& given_later = "");
/// Calls `notice` with the warnings of a response.
void tell_warnings(const Value& response, const Notice& notice);
/// Prepares a submission, and submits it.
Result<RunId> submit(Session& session, const RunRequest& request, const Notice& notice);

}  // namespace sluice::app
