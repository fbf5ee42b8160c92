#pragma once
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  std::unique_ptr<os::TemporaryDirectory> root_;
  std::unique_ptr<SqliteLedger> ledger_;
};

}  // namespace sluice::stores
