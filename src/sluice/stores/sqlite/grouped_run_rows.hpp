#pragma once
#include "sluice/ports/pipelines.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// The row of a run in its group. Code::conflict: see ports::Append::group.
Result<void> put_into_group(Connection& connection, const ports::GroupStep& step);

}  // namespace sluice::stores::sqlite
