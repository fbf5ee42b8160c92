#pragma once
#include "sluice/host/confinement.hpp"

namespace sluice::host {

/// All of the program `sluice-host`: serves the connection on file descriptor 3 until it ends. Returns the
/// exit status.
int run_host(int argc, char** argv, Confinement::UnknownCalls unknown);

}  // namespace sluice::host
