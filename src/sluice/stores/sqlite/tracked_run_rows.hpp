#pragma once
// Rows of tracked runs, and of what belongs to them.
#include <optional>
#include <string>
#include <string_view>

#include "sluice/ports/tracking.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

struct TrackedRunRow {
  std::int64_t number = 0;
  std::int64_t experiment = 0;
  bool active = true;
};
/// Code::not_found if there is none in the workspace.
Result<TrackedRunRow> find_tracked_run(Connection& connection, const std::string& workspace,
                                       const std::string& id);

/// All that was logged to the run, from the rows of its parts.
Result<void> read_parts(Connection& connection, std::int64_t number, ports::TrackedRun& run);
/// Its record; "" if there is none.
Result<std::string> stored_record(Connection& connection, std::int64_t number);

/// Keeps the record, in place of what is there.
Result<void> write_record(Connection& connection, std::int64_t run, const std::string& record);
/// Creates a run, and returns its number; nullopt if there is one of this id. Code::not_found without its
/// experiment, Code::failed_precondition if that was removed.
Result<std::optional<std::int64_t>> insert_tracked_run(Connection& connection,
                                                       const ports::NewTrackedRun& made);
/// Adds to the run; these do not renew its record. Of a parameter that has another value, that is returned.
Result<std::optional<std::string>> put_parameter(Connection& connection, std::int64_t run,
                                                 const ports::KeyValue& parameter);
Result<void> put_tag(Connection& connection, std::int64_t run, const ports::KeyValue& tag);
Result<void> put_datasets(Connection& connection, std::int64_t run,
                          const std::vector<ports::DatasetInput>& inputs);
Result<void> put_model_use(Connection& connection, std::int64_t run, bool is_output,
                           const ports::ModelUse& use);

/// All of the run with this number, which must be there.
Result<ports::TrackedRun> read_tracked_run(Connection& connection, std::int64_t number);

}  // namespace sluice::stores::sqlite
