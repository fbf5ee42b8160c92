#pragma once
#include "sluice/base/clock.hpp"
#include "sluice/supervisor/book.hpp"

namespace sluice::supervisor {

/// For a supervisor that has just opened its book: the attempts that an earlier one began and did not see the
/// end of. Kills what is left of them (their cgroup, their main process, and whatever carries their
/// SLUICE_ATTEMPT), waits until it is gone, 5 s at most, and books them as lost.
void end_what_was_lost(Book& book, const Clock& clock);

}  // namespace sluice::supervisor
