#pragma once
#include "sluice/ports/schedules.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// What the start of a run changes in its schedule's row. Code::conflict: see ports::Append::step.
Result<void> take_step(Connection& connection, const ports::ScheduleStep& step);

}  // namespace sluice::stores::sqlite
