#pragma once
// Private to this module: reads the outputs that a task has written.
#include <expected>

#include "sluice/engine/work.hpp"
#include "sluice/executors/process/sandbox.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// The largest file for a value that is not an artifact.
inline constexpr std::size_t value_bytes_max = std::size_t{64} << 10;

/// Every declared output that was written, with artifacts stored; or the failure (kind "output") of the first
/// that is missing or not as declared.
std::expected<Struct, engine::Failure> read_outputs(const ports::Attempt& attempt, const Places& places,
                                                    ports::ObjectStore& objects);

}  // namespace sluice::executors
