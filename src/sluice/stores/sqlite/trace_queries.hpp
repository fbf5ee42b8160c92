#pragma once
// Which traces a search means, as SQL.
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/ports/traces.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"

namespace sluice::stores::sqlite {

/// Adds "t.workspace = … AND …": the traces `t` of these experiments that fit all of the conditions.
void add_fitting_traces(SqlText& sql, const std::string& workspace,
                        const std::vector<std::int64_t>& experiments,
                        const std::vector<ports::SearchCondition>& conditions);

}  // namespace sluice::stores::sqlite
