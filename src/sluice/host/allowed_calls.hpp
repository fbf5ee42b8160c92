#pragma once
#include "sluice/host/confinement.hpp"
#include "sluice/os/seccomp.hpp"

namespace sluice::host {

/// The system calls of a host from its first frame on: those that loading, decoding, inference and learning
/// were seen to make, and few more. Grouped by what they are for.
Result<void> allow_calls_of_a_host(Confinement::UnknownCalls unknown);

/// Takes away those that name a file by its path.
Result<void> take_away_paths(Confinement::UnknownCalls unknown);

}  // namespace sluice::host
