#pragma once
#include "sluice/ports/schedules.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// What the start of a run changes in its schedule's row. Code::conflict: see ports::Append::step.
Result<void> take_step(Connection& connection, const ports::ScheduleStep& step);

/// Of a row of `schedules` with the columns that `schedule_columns` names, from `first` on.
ports::ScheduleRow schedule_row_of(const Statement& select, int first = 0);

}  // namespace sluice::stores::sqlite
