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

/// A request of `sluice run`.
struct RunRequest {
  std::string file;
  std::string pipeline;                         ///< "": the plan's entry
  std::vector<std::string> inputs;              ///< "name=value"
  std::vector<std::string> input_secrets = {};  ///< "name=secret", for an input that is a URL
  bool cache = true;
  bool strict = false;  ///< what would be a warning is refused
  DialectOptions dialect = {};
};

/// Receives a line for the person who submits a run.
using Notice = std::function<void(const std::string&)>;

/// Compiles the plan here (so that its problems are reported at once), stores the files that it needs, and
/// submits it.
Result<RunId> submit(Session& session, const RunRequest& request, const Notice& notice);

}  // namespace sluice::app
