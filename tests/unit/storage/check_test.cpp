#include "storage_fixture.hpp"

namespace sluice::storage {

TEST_F(StorageTest, ACheckNamesWhatIsDamagedAndWhatNeedsIt) {
  add_run("r1", folder("sound"));
  add_run("r2", folder("damaged"), true, true);
  add_run("r3", folder("missing"));
  EXPECT_TRUE(test::value_of(check(stores())).problems.empty());
  const auto damaged = Digest::of("damaged");
  const auto missing = Digest::of("missing");
  ASSERT_EQ(chmod(objects_->path_of(damaged).c_str(), 0644), 0);
  ASSERT_OK(os::write_file(objects_->path_of(damaged), "DAMAGED"));
  fs::remove(objects_->path_of(missing));
  const auto report = test::value_of(check(stores()));
  EXPECT_EQ(report.journals, 3);
  ASSERT_EQ(report.problems.size(), 2U);
  for (const auto& problem : report.problems) {
    if (problem.what == "object " + damaged.hex()) {
      EXPECT_THAT(problem.why, testing::StartsWith("damaged: "));
      EXPECT_THAT(problem.needed_by, testing::ElementsAre("run r2", "the cached result of make of run r2"));
    } else {
      EXPECT_EQ(problem.what, "object " + missing.hex());
      EXPECT_EQ(problem.why, "missing");
      EXPECT_THAT(problem.needed_by, testing::ElementsAre("run r3"));
    }
  }
  EXPECT_TRUE(is_there(damaged)) << "a check changes nothing";
}

TEST_F(StorageTest, ACheckReadsJournals) {
  add_run("r1", folder("1"));
  ASSERT_OK(ledger_->append({{.run = {"r1"},
                              .principal = {},
                              .expected_next = 3,
                              .events = {R"({"t":"ended","v":1})"},
                              .row = {},
                              .cache = {}}},
                            ports::Durability::process));
  const auto report = test::value_of(check(stores()));
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].what, "the journal of run r1");
  EXPECT_THAT(report.problems[0].why, testing::StartsWith("event 3: journal event: missing field"));
}

}  // namespace sluice::storage
