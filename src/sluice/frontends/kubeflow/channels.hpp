#pragma once
// Private to this module.
#include "sluice/frontends/kubeflow/spec.hpp"

namespace sluice::frontends::kubeflow {

/// Mends how values reach the tasks of groups (loops, conditions, exit handlers), which kfp's compiler gets
/// wrong where groups are nested (kubeflow/pipelines#12390, #13273): a task of a group reads a field of the
/// group's item as if it were an input, or a value that was not passed to the group; and groups are passed
/// items of loops inside of them. What cannot be found stays as it is, and is reported when it is lowered.
/// Optional inputs that were not given are absent in groups, too.
void mend_channels(Spec& spec);

}  // namespace sluice::frontends::kubeflow
