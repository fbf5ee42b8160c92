#pragma once
#include <map>
#include <string>
#include <vector>

#include "sluice/app/commands/command.hpp"

namespace sluice::app {

struct RunRequest {
  std::string file;
  std::string pipeline;             ///< "" : the plan's entry
  std::vector<std::string> inputs;  ///< "name=value"
  bool cache = true;
};

/// Compiles the plan here (so that its mistakes are told at once), puts the files it needs into the store,
/// and submits it.
Result<RunId> submit(Session& session, const RunRequest& request);

}  // namespace sluice::app
