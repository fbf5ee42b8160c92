#pragma once
#include "sluice/base/clock.hpp"
#include "sluice/supervisor/attempt_log.hpp"

namespace sluice::supervisor {

/// Ends the attempts that an earlier supervisor began and whose end it did not record; for a supervisor that
/// has just opened its log. Kills what is left of them (their cgroup, their main process, and every process
/// with their SLUICE_ATTEMPT), waits until it is gone, 5 s at most, and records them as lost.
void end_lost_attempts(AttemptLog& log, const Clock& clock);

}  // namespace sluice::supervisor
