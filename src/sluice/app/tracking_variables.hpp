#pragma once
#include <string>
#include <vector>

#include "sluice/domain/access/task_tokens.hpp"
#include "sluice/ports/executor.hpp"

namespace sluice::app {

/// A server, as those reach it who share its machine's loopback, and those who do not. "": they do not.
struct ServedAt {
  std::string url;
  std::string from_elsewhere;
};

/// The variables, "NAME=value", by which MLflow's client in an attempt logs to its tracked run at this
/// server: MLFLOW_TRACKING_URI, MLFLOW_RUN_ID and MLFLOW_TRACKING_TOKEN. None if the task does not
/// reach this server, or if the plan sends it to another one.
std::vector<std::string> tracking_variables(const ports::Attempt& attempt, const ServedAt& server,
                                            const access::TaskTokens& tokens);

}  // namespace sluice::app
