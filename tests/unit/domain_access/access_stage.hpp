#pragma once
#include <filesystem>

#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "sim/virtual_clock.hpp"
#include "sluice/domain/access/access.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/sqlite/sqlite_access.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace sluice::access {

/// Access over a real ledger.
struct AccessStage {
  os::TemporaryDirectory folder =
      test::value_of(os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-test-"));
  sim::VirtualClock clock;
  SystemRandom random;
  std::unique_ptr<stores::SqliteLedger> ledger =
      test::value_of(stores::SqliteLedger::open(folder.path() / "ledger.db"));
  stores::SqliteAccess tables{ledger->file()};

  std::unique_ptr<Access> open(const std::optional<std::string>& operator_token = std::nullopt) {
    return test::value_of(Access::open({.tokens = tables, .clock = clock, .random = random}, operator_token));
  }
};

}  // namespace sluice::access
