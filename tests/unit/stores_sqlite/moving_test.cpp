// Records of another program, put into the ledger.
#include <cmath>
#include <limits>

#include "ledger_fixture.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/mlflow_database.hpp"
#include "sluice/stores/sqlite/mlflow_database_target.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"
#include "sluice/stores/sqlite/sqlite_tracking_target.hpp"

namespace sluice::stores {
namespace {

using ports::MetricHistory;
using ports::MetricPoint;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class MovingTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    target_ = std::make_unique<SqliteTrackingTarget>(ledger_->file(), Principal{}, at(9));
    store_ = std::make_unique<SqliteTracking>(ledger_->file(), ports::Durability::process);
  }
  static ports::Experiment experiment(const std::string& name, std::int64_t id = 7) {
    return {.id = id, .name = name, .created = at(1), .updated = at(2), .tags = {{"k", "v"}}};
  }
  static ports::TrackedRun run(const std::string& id, std::int64_t experiment) {
    ports::TrackedRun made;
    made.id = id;
    made.experiment = experiment;
    made.name = "n";
    made.parameters = {{"p", "1"}};
    made.tags = {{"t", "1"}};
    made.datasets = {{.name = "d", .digest = "1", .tags = {{"c", "x"}}}};
    made.model_outputs = {{.model = "m", .step = 2}};
    return made;
  }
  std::unique_ptr<SqliteTrackingTarget> target_;
  std::unique_ptr<SqliteTracking> store_;
};

TEST_F(MovingTest, WhatIsThereIsNotPutAgain) {
  const auto put = test::value_of(target_->put_experiment(experiment("e")));
  EXPECT_EQ(put.id, 7);
  EXPECT_TRUE(put.lacked.all);
  EXPECT_FALSE(test::value_of(target_->put_experiment(experiment("e"))).lacked.any());

  const std::vector<MetricHistory> histories = {
      {.key = "m", .points = {{1, 1, 0.5}, {2, 1, nan}, {2, 1, nan}, {1, 1, 0.5}, {1, 1, -0.5}}}};
  const auto lacked = test::value_of(target_->put_run(run("a", 7), histories));
  EXPECT_TRUE(lacked.all);
  EXPECT_EQ(lacked.points, 3);
  EXPECT_EQ(lacked.uses, 2);
  EXPECT_FALSE(test::value_of(target_->lack_of(run("a", 7), histories)).any());
  EXPECT_FALSE(test::value_of(target_->put_run(run("a", 7), histories)).any());
  EXPECT_EQ(test::value_of(store_->history("default", "a", "m", 0, 10)).size(), 3U);

  auto later = run("a", 7);
  later.status = ports::TrackedStatus::finished;
  later.ended_ms = 5;
  later.tags = {{"t", "2"}, {"u", "1"}};
  const auto changed =
      test::value_of(target_->put_run(later, {{.key = "m", .points = {{1, 1, 0.5}, {9, 9, 9}}}}));
  EXPECT_FALSE(changed.all);
  EXPECT_TRUE(changed.fields);
  EXPECT_EQ(changed.tags, 2);
  EXPECT_EQ(changed.points, 1);
  const auto stored = test::value_of(store_->run("default", "a"));
  EXPECT_EQ(stored.ended_ms, 5);
  EXPECT_EQ(stored.tags, (std::vector<ports::KeyValue>{{"t", "2"}, {"u", "1"}}));
  EXPECT_EQ(stored.metrics.front().point.step, 9);
}

TEST_F(MovingTest, ExperimentsMeetByName) {
  const auto own =
      test::value_of(store_->create_experiment({.name = "own", .artifact_root = "a:/", .at = at(100)}));
  auto theirs = experiment("own");
  theirs.active = false;
  EXPECT_EQ(test::value_of(target_->put_experiment(theirs)).id, own.id);
  EXPECT_TRUE(test::value_of(store_->experiment("default", own.id)).active);
  // Its number is taken.
  EXPECT_EQ(test::value_of(target_->put_experiment(experiment("other", own.id))).id, own.id + 1);
  // What came from there is removed as it is there, with its runs as they are.
  auto removed = experiment("other", own.id);
  removed.active = false;
  EXPECT_TRUE(test::value_of(target_->put_experiment(removed)).lacked.fields);
  EXPECT_FALSE(test::value_of(store_->experiment("default", own.id + 1)).active);
  EXPECT_TRUE(test::value_of(target_->put_run(run("r", own.id + 1), {})).all);
}

TEST_F(MovingTest, AnIdThatIsTakenElsewhereIsRefused) {
  const auto first = test::value_of(target_->put_experiment(experiment("a", 1))).id;
  const auto second = test::value_of(target_->put_experiment(experiment("b", 2))).id;
  EXPECT_OK(target_->put_run(run("r", first), {}));
  const auto refused = target_->put_run(run("r", second), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::already_exists);
}

TEST_F(MovingTest, ALedgerIsNoDatabaseOfMlflow) {
  for (const auto& refused :
       {MlflowDatabase::open(file()).error(), MlflowDatabaseTarget::open(file(), at(0)).error()}) {
    EXPECT_EQ(refused.code, Code::failed_precondition);
    EXPECT_THAT(refused.message, testing::HasSubstr("not a database of MLflow"));
  }
}

}  // namespace
}  // namespace sluice::stores
