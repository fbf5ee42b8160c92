#pragma once
#include <string>
#include <vector>

#include "sluice/domain/access/task_tokens.hpp"
#include "sluice/ports/executor.hpp"

namespace sluice::app {

/// The variables, "NAME=value", by which MLflow's client in an attempt logs to its tracked run at this
/// server: MLFLOW_TRACKING_URI, MLFLOW_RUN_ID and MLFLOW_TRACKING_TOKEN. None if there is no server ("" for
/// its `url`), if the plan sends the task to another one, or if its container cannot reach this one.
std::vector<std::string> tracking_variables(const ports::Attempt& attempt, const std::string& url,
                                            const access::TaskTokens& tokens);

}  // namespace sluice::app
