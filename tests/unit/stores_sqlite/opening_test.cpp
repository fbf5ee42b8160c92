#include "ledger_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using testing::HasSubstr;

class SqliteOpening : public LedgerTest {};

TEST_F(SqliteOpening, RefusesALedgerOfANewerVersion) {
  ledger_.reset();
  execute("PRAGMA user_version=9");
  const auto opened = SqliteLedger::open(file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::failed_precondition);
  EXPECT_EQ(opened.error().message,
            file().string() +
                ": written by a newer Sluice (schema 9, this one reads up to 8); use that version, "
                "or another data folder");
}

TEST_F(SqliteOpening, RefusesDatabasesOfOtherPrograms) {
  ledger_.reset();
  fs::remove(file());
  execute("CREATE TABLE theirs(x)");
  const auto opened = SqliteLedger::open(file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(
      opened.error().message,
      file().string() + ": a database of another program, not a ledger of Sluice; use another data folder");
  EXPECT_EQ(query("SELECT name FROM sqlite_master").size(), 1U);
}

TEST_F(SqliteOpening, RefusesWhatIsNotADatabase) {
  ledger_.reset();
  ASSERT_OK(os::write_file(file(), std::string(5000, 'x')));
  const auto opened = SqliteLedger::open(file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::data_loss);
  EXPECT_EQ(opened.error().message,
            file().string() +
                ": file is not a database; restore this file from a backup, or use another data folder");
}

TEST_F(SqliteOpening, NamesAMissingFolder) {
  const auto opened = SqliteLedger::open(root_->path() / "nowhere" / "ledger.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message,
            (root_->path() / "nowhere/ledger.db").string() +
                ": unable to open database file; check that the folder exists and that you may write there");
}

TEST_F(SqliteOpening, PutsWorkspaceAndPrincipalOnEveryRow) {
  // Those of a row's parts are in that row: "tracked_points" belong to a tracked run.
  const std::vector<std::string> parts{
      "experiment_tags",        "tracked_records", "tracked_parameters",      "tracked_tags",
      "tracked_metrics",        "tracked_points",  "tracked_chunks",          "tracked_datasets",
      "tracked_model_uses",     "tracked_tasks",   "logged_model_parameters", "logged_model_tags",
      "logged_model_metrics",   "trace_tags",      "trace_metadata",          "trace_spans",
      "trace_assessments",      "trace_runs",      "trace_prompts",           "registered_model_tags",
      "registered_version_tags"};
  for (const auto& table : query("SELECT name FROM sqlite_master WHERE type = 'table'")) {
    if (std::ranges::find(parts, table) != parts.end()) continue;
    EXPECT_EQ(
        query("SELECT name FROM pragma_table_info('" + table + "') WHERE name IN ('workspace', 'principal')")
            .size(),
        2U)
        << table;
  }
  EXPECT_EQ(query("PRAGMA user_version"), std::vector<std::string>{"8"});
  EXPECT_EQ(query("PRAGMA journal_mode"), std::vector<std::string>{"wal"});
}

// The queries for each event, look-up and list are index searches: their cost does not grow with the number
// of runs.
TEST_F(SqliteOpening, HasAnIndexForEachQuery) {
  for (const std::string sql :
       {"SELECT max(number) + 1 FROM events WHERE run = 'r'",
        "SELECT event FROM events WHERE run = 'r' AND number >= 5 ORDER BY number",
        "SELECT run FROM events WHERE run > 'r' ORDER BY run LIMIT 1",
        "SELECT id FROM runs WHERE workspace = 'w' ORDER BY created_ms DESC, id DESC LIMIT 9",
        "SELECT id FROM runs WHERE workspace = 'w' AND status = 's' ORDER BY created_ms DESC, id DESC LIMIT "
        "9",
        "SELECT id FROM runs WHERE '' IN ('', workspace) AND id >= 'a' AND id < 'b' AND ('' = '' OR status = "
        "'') "
        "ORDER BY id DESC LIMIT 9",
        "SELECT endpoint FROM deployments WHERE workspace = 'w' AND endpoint > 'a' ORDER BY endpoint LIMIT 9",
        "SELECT name FROM schedules WHERE workspace = 'w' AND name > 'a' ORDER BY name LIMIT 9",
        "SELECT id FROM runs WHERE schedule = 's' AND '' IN ('', workspace) AND (created_ms, id) < (1, 'a') "
        "AND ('' "
        "= '' OR status = '') ORDER BY created_ms DESC, id DESC LIMIT 9",
        "SELECT count(*) FROM runs WHERE schedule = 's' AND status = 'running'",
        "SELECT outputs FROM cache WHERE workspace = 'w' AND key = x'00'"})
    for (const auto& step : query("EXPLAIN QUERY PLAN " + sql)) EXPECT_THAT(step, HasSubstr("SEARCH")) << sql;
}

}  // namespace
}  // namespace sluice::stores
