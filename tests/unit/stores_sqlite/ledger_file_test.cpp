#include "sluice/stores/sqlite/ledger_file.hpp"

#include "ledger_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores::sqlite {
namespace {

TEST(LedgerFile, ItsLogStaysBoundedHoweverMuchIsWritten) {
  auto root = os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-test-");
  const auto file = root->path() / "ledger.db";
  auto ledger = LedgerFile::open(file);
  ASSERT_OK(ledger);
  const auto write = [&](const char* sql) {
    return (*ledger)->write(ports::Durability::process,
                            [&](Connection& connection) { return connection.execute(sql); });
  };
  ASSERT_OK(write("CREATE TABLE filled(bytes)"));
  ASSERT_OK(write("INSERT INTO filled VALUES(zeroblob(2000000))"));
  constexpr std::uintmax_t log_max = 130'000'000;  // 25,000 pages, and what one write adds
  std::uintmax_t written = 0;
  for (int i = 0; i < 150; ++i) {
    ASSERT_OK(write("UPDATE filled SET bytes = randomblob(2000000)"));
    written += 2'000'000;
    EXPECT_LE(std::filesystem::file_size(file.string() + "-wal"), log_max);
  }
  EXPECT_GT(written, 2 * log_max);
}

}  // namespace
}  // namespace sluice::stores::sqlite
