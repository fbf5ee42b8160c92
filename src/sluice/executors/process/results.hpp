#pragma once
// Private to this module: the outcome of an attempt that has ended.
#include "sluice/engine/work.hpp"
#include "sluice/executors/process/sandbox.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// The outcome of an attempt whose end the supervisor has reported. If it succeeded, its outputs are read and
/// stored. `containers` may be null if the attempt is not in one.
engine::Outcome outcome_of(const ports::Attempt& attempt, const Places& places,
                           const supervisor::Ended& ended, ports::ObjectStore& objects,
                           const ports::Containers* containers);

}  // namespace sluice::executors
