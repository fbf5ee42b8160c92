#pragma once
#include "sluice/base/value.hpp"
#include "sluice/domain/runs/runs.hpp"

// How options of a text are stored with its schedule.

namespace sluice::schedules {

/// Without what has its default.
Struct to_struct(const runs::CompileOptions& options);
/// The inverse; what is missing has its default.
runs::CompileOptions compile_options_of(const Struct& stored);

}  // namespace sluice::schedules
