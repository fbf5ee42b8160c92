#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sluice/app/commands/command.hpp"
#include "sluice/domain/runs/compile.hpp"

namespace sluice::app {

/// How the text of a plan is read.
struct DialectOptions {
  std::string name;                 ///< "": it is recognized
  std::vector<std::string> images;  ///< "PATTERN=python"
  std::string all_images;           ///< "container": every task with an image runs in it
};
void add_dialect(Command& command, DialectOptions& options);
Result<runs::CompileOptions> compile_options_of(const DialectOptions& options);

/// A request of `sluice run` or `sluice schedule`.
struct RunRequest {
  std::string file;
  std::string pipeline;                         ///< "": the plan's entry
  std::vector<std::string> inputs;              ///< "name=value"
  std::vector<std::string> input_secrets = {};  ///< "name=secret", for an input that is a URL
  bool no_cache = false;
  bool strict = false;  ///< what would be a warning is refused
  DialectOptions dialect = {};
};
/// The options that say how a plan runs, whoever starts it.
void add_ways_to_run(Command& command, RunRequest& request);

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
