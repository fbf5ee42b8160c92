#pragma once
#include <memory>

#include "sluice/ports/pipelines.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// What the runs of a schedule have in common: in the transaction that adds the schedule.
Result<void> add_recurring_run(Connection& connection, const ScheduleId& id, const ports::GroupedRun& run);
/// nullptr: they are in no group.
Result<std::shared_ptr<const ports::GroupedRun>> group_of_schedule(Connection& connection,
                                                                   const ScheduleId& id);

}  // namespace sluice::stores::sqlite
