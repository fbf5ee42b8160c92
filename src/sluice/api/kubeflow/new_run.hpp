#pragma once
// What requests say of a run that is to be, and responses of what it was made of: of runs and recurring runs.
#include "sluice/api/kubeflow/responses.hpp"

namespace sluice::api::kubeflow {

/// Of the body; the experiment also of the query, where older clients name it.
Result<pipelines::RunGroups::NewRun> new_run_of(const Fields& body, const ports::Request& request);
/// Sets the fields in which such a run was given, but for its specification.
void add_new_run(const ports::GroupedRun& run, Struct& out);
/// Sets the specification, unless a version has it.
Result<void> add_spec(const KubeflowApi& api, const ports::GroupedRun& run, Struct& out);

}  // namespace sluice::api::kubeflow
