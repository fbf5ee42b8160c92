#pragma once
// This room's own: what a task has written.
#include <expected>

#include "sluice/engine/work.hpp"
#include "sluice/executors/process/world.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// A value that is not an artifact is at most this long as a file.
inline constexpr std::size_t value_bytes_max = std::size_t{64} << 10;

/// Every declared output that is there, artifacts stored; or the failure (kind "output") of the first that is
/// missing or not as declared.
std::expected<Struct, engine::Failure> read_outputs(const ports::Attempt& attempt, const Places& places,
                                                    ports::ObjectStore& objects);

}  // namespace sluice::executors
