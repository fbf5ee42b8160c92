#pragma once
// This room's own: what an attempt leaves.
#include "sluice/engine/work.hpp"
#include "sluice/executors/process/world.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// The outcome of an attempt that the supervisor says has ended: declared outputs are read and stored.
engine::Outcome outcome_of(const ports::Attempt& attempt, const Places& places,
                           const supervisor::Ended& ended, ports::ObjectStore& objects);

/// Every declared output, or the failure of the first that is not as declared.
std::expected<Struct, engine::Failure> read_outputs(const ports::Attempt& attempt, const Places& places,
                                                    ports::ObjectStore& objects);

}  // namespace sluice::executors
