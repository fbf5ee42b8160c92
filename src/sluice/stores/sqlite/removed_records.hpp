#pragma once
// What clients removed of their tracking, and how it is erased.
#include <vector>

#include "sluice/ports/storage.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

using RemovedRecord = ports::LedgerStorage::RemovedRecord;

struct RemovedPage {
  std::vector<RemovedRecord> records;
  std::int64_t last = 0;  ///< the number that the next page begins after
  bool is_last = false;
};
/// Removed records of this kind among the thousand rows after number `after`.
Result<RemovedPage> removed_after(Connection& connection, RemovedRecord::Kind kind, std::int64_t after);

/// Erases it with all that is theirs, if it was removed until then, and not restored. Of an experiment, only
/// its row and tags, and only if it has no run.
Result<void> erase_record(Connection& connection, const RemovedRecord& record, Time limit);

/// Erases some of the logged models and traces whose experiment is gone. True: there are no more.
Result<bool> erase_leavings(Connection& connection);

}  // namespace sluice::stores::sqlite
