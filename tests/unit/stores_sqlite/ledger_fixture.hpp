#pragma once
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;

/// A ledger in a temporary folder.
class LedgerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = os::TemporaryDirectory::make(fs::temp_directory_path(), "sluice-test-");
    ASSERT_OK(made);
    root_ = std::make_unique<os::TemporaryDirectory>(std::move(*made));
    ledger_ = open();
  }
  [[nodiscard]] fs::path file() const { return root_->path() / "ledger.db"; }
  [[nodiscard]] std::unique_ptr<SqliteLedger> open() const {
    return test::value_of(SqliteLedger::open(file()));
  }
  static Time at(std::int64_t milliseconds) { return Time(Milliseconds(milliseconds)); }
  static ports::Append append_of(const std::string& run, std::uint64_t next, std::vector<std::string> events,
                                 const std::string& status = "running", std::int64_t created = 1000) {
    return {.run = {run},
            .expected_next = next,
            .events = std::move(events),
            .row = ports::RunRow{.id = {run},
                                 .principal = {},
                                 .name = "plan.yaml",
                                 .plan = Digest::of(run),
                                 .status = status,
                                 .created = at(created),
                                 .ended = std::nullopt,
                                 .message = ""},
            .cache = {}};
  }
  /// Statements for the file itself, beside the ledger.
  void execute(const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }
  /// The last column of each row.
  std::vector<std::string> query(const std::string& sql) {
    std::vector<std::string> out;
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
    const auto take = [](void* rows, int columns, char** values, char**) {
      static_cast<std::vector<std::string>*>(rows)->emplace_back(values[columns - 1]);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), take, &out, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
    return out;
  }
  std::unique_ptr<os::TemporaryDirectory> root_;
  std::unique_ptr<SqliteLedger> ledger_;
};

}  // namespace sluice::stores
