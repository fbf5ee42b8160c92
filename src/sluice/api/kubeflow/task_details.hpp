#pragma once
// The tasks of a run, as this API shows them.
#include "sluice/domain/runs/report.hpp"

namespace sluice::api::kubeflow {

/// One for each operation that has begun, in the order in which they did. Their ids are their paths.
List task_details(const std::string& run, const runs::RunReport& report);

/// The outputs of a task that are artifacts; those of a list in its order.
struct NamedArtifact {
  std::string name;
  Artifact artifact;
};
std::vector<NamedArtifact> artifacts_of(const Struct& outputs);

/// The number of an artifact: the same for the same bytes.
std::string number_of(const Artifact& artifact);

}  // namespace sluice::api::kubeflow
