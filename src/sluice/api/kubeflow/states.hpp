#pragma once
// States of runs and of their tasks, as this API names them.
#include <string>
#include <string_view>

#include "sluice/domain/runs/report.hpp"
#include "sluice/ports/pipelines.hpp"

namespace sluice::api::kubeflow {

/// "SUCCEEDED" of "succeeded". What was set aside is PAUSED: a retry resumes it.
std::string_view state_of(std::string_view status);
std::string_view state_of(const ports::GroupedRun& run);
/// Of one of its tasks. One that came from the cache is SKIPPED, as is one that did not run.
std::string_view state_of(const runs::OperationReport& operation);
/// The status that conditions of lists have for a state; a word that is none is that of no run.
std::string status_named(std::string_view state);

/// The states that the run went through, each with its time and its error.
List history_of(const ports::GroupedRun& run);

}  // namespace sluice::api::kubeflow
