#include "ledger_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/sqlite/sqlite_pipelines.hpp"
#include "sluice/stores/sqlite/sqlite_run_groups.hpp"

namespace sluice::stores {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Comparator = ports::SearchCondition::Comparator;

ports::NamedPipeline pipeline_of(const std::string& id, const std::string& name) {
  return {.id = id,
          .principal = {},
          .name = name,
          .display_name = name,
          .description = "",
          .tags = {},
          .created = {}};
}

ports::PipelineVersion version_of(const std::string& id, const std::string& pipeline,
                                  const std::string& name) {
  ports::PipelineVersion version{.id = id, .pipeline = pipeline, .principal = {}, .name = name};
  version.display_name = name;
  version.text = Digest::of(id);
  return version;
}

ports::RunGroup group_of(const std::string& id, const std::string& name) {
  return {.id = id, .principal = {}, .name = name, .description = "", .archived = false, .created = {}};
}

class SqlitePipelinesTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    pipelines_ = std::make_unique<SqlitePipelines>(ledger_->file());
    groups_ = std::make_unique<SqliteRunGroups>(ledger_->file());
  }
  /// A run of the ledger that is in a group.
  void add_run(const std::string& id, const std::string& group, const std::string& name, std::int64_t created,
               const std::string& status = "succeeded") {
    auto append = append_of(id, 0, {"{}"}, status, created);
    if (status != "running") append.row->ended = at(created + 10);
    ports::GroupedRun run{.id = id, .run = {id}, .principal = {}, .group = group, .display_name = name};
    run.text = Digest::of(id);
    run.created = at(created);
    append.group = std::make_shared<const ports::GroupStep>(run);
    ASSERT_OK(ledger_->append({append}, ports::Durability::process));
  }
  std::vector<std::string> run_ids(const std::string& group, const ports::ListQuery& query) {
    std::vector<std::string> ids;
    for (const auto& run : test::value_of(groups_->runs("default", group, query)).entries)
      ids.push_back(run.id);
    return ids;
  }
  std::unique_ptr<SqlitePipelines> pipelines_;
  std::unique_ptr<SqliteRunGroups> groups_;
};

TEST_F(SqlitePipelinesTest, KeepsPipelinesWithTheirVersions) {
  auto pipeline = pipeline_of("p", "a pipeline");
  pipeline.tags.set("team", "a");
  const auto first = version_of("v1", "p", "first");
  ASSERT_OK(pipelines_->add_pipeline(pipeline, &first));
  auto second = version_of("v2", "p", "second");
  second.created = at(5);
  ASSERT_OK(pipelines_->add_version(second));
  EXPECT_EQ(test::value_of(pipelines_->pipeline("default", "p"))->tags.find("team")->text_at(""), "");
  EXPECT_EQ(*test::value_of(pipelines_->pipeline("default", "p"))->tags.find("team")->if_string(), "a");
  EXPECT_EQ(test::value_of(pipelines_->pipeline_named("default", "a pipeline"))->id, "p");
  EXPECT_EQ(test::value_of(pipelines_->newest_version("default", "p"))->id, "v2");
  EXPECT_EQ(test::value_of(pipelines_->version("default", "v1"))->text, Digest::of("v1"));
  EXPECT_EQ(test::value_of(pipelines_->versions("default", "p", {})).total, 2);
  // In another workspace there is nothing.
  EXPECT_FALSE(test::value_of(pipelines_->pipeline("other", "p")));
  EXPECT_FALSE(test::value_of(pipelines_->version("other", "v1")));
  EXPECT_EQ(test::value_of(pipelines_->pipelines("other", {})).total, 0);
  EXPECT_FALSE(test::value_of(pipelines_->remove_pipeline("other", "p")));
  EXPECT_EQ(pipelines_->add_pipeline(pipeline_of("q", "a pipeline"), nullptr).error().code,
            Code::already_exists);
  EXPECT_EQ(pipelines_->add_version(version_of("v3", "p", "second")).error().code, Code::already_exists);
  EXPECT_EQ(pipelines_->add_version(version_of("v3", "none", "x")).error().code, Code::not_found);
  EXPECT_TRUE(test::value_of(pipelines_->change_version("default", "v2", {.display_name = "changed"})));
  EXPECT_EQ(test::value_of(pipelines_->version("default", "v2"))->display_name, "changed");
  EXPECT_TRUE(test::value_of(pipelines_->remove_pipeline("default", "p")));
  EXPECT_FALSE(test::value_of(pipelines_->version("default", "v1")));
}

TEST_F(SqlitePipelinesTest, AddsNoPipelineWhoseVersionCannotBeAdded) {
  const auto version = version_of("v", "p", "first");
  ASSERT_OK(pipelines_->add_pipeline(pipeline_of("p", "one"), &version));
  EXPECT_FALSE(pipelines_->add_pipeline(pipeline_of("q", "two"), &version));
  EXPECT_FALSE(test::value_of(pipelines_->pipeline("default", "q")));
}

TEST_F(SqlitePipelinesTest, PagesHoldEachEntryOnce) {
  for (int i = 0; i < 7; ++i)
    ASSERT_OK(pipelines_->add_pipeline(
        pipeline_of("p" + std::to_string(i), (i % 2 == 0 ? "Name " : "name ") + std::to_string(i)), nullptr));
  for (const auto* const key : {"created_at", "name"})
    for (const bool ascending : {true, false}) {
      ports::ListQuery query{.order = {.key = key, .ascending = ascending}, .limit = 3};
      std::vector<std::string> ids;
      do {
        const auto page = test::value_of(pipelines_->pipelines("default", query));
        EXPECT_EQ(page.total, 7);
        for (const auto& entry : page.entries) ids.push_back(entry.id);
        query.after = page.next;
      } while (query.after);
      if (!ascending) std::ranges::reverse(ids);
      EXPECT_THAT(ids, ElementsAre("p0", "p1", "p2", "p3", "p4", "p5", "p6")) << key;
    }
}

TEST_F(SqlitePipelinesTest, ListsTheRunsOfAGroup) {
  ASSERT_OK(groups_->add_group(group_of("g", "one")));
  ASSERT_OK(groups_->add_group(group_of("h", "two")));
  EXPECT_EQ(groups_->add_group(group_of("i", "one")).error().code, Code::already_exists);
  add_run("r1", "g", "Good", 1'000);
  add_run("r2", "g", "bad", 2'000, "failed");
  add_run("r3", "h", "good", 3'000, "running");
  EXPECT_THAT(run_ids("", {}), ElementsAre("r1", "r2", "r3"));
  EXPECT_THAT(run_ids("g", {.order = {.key = "created_at", .ascending = false}}), ElementsAre("r2", "r1"));
  const auto with = [](const char* key, Comparator comparator, ports::SearchCondition::Operand operand) {
    return ports::ListQuery{
        .conditions = {{.key = key, .comparator = comparator, .operand = std::move(operand)}}};
  };
  EXPECT_THAT(run_ids("", with("display_name", Comparator::equal, std::string("GOOD"))),
              ElementsAre("r1", "r3"));
  EXPECT_THAT(run_ids("", with("display_name", Comparator::contains, std::string("oO"))),
              ElementsAre("r1", "r3"));
  EXPECT_THAT(run_ids("", with("display_name", Comparator::contains, std::string("%"))), ElementsAre());
  EXPECT_THAT(run_ids("", with("state", Comparator::in, std::vector<std::string>{"failed", "running"})),
              ElementsAre("r2", "r3"));
  EXPECT_THAT(run_ids("", with("finished_at", Comparator::greater, std::int64_t{1'500})), ElementsAre("r2"));
  EXPECT_FALSE(groups_->runs("default", "", with("nothing", Comparator::equal, std::string("x"))));
  ASSERT_TRUE(test::value_of(groups_->note_cancellation("default", "r3", at(3'500))));
  EXPECT_THAT(run_ids("", with("state", Comparator::equal, std::string("cancelling"))), ElementsAre("r3"));
  EXPECT_EQ(test::value_of(groups_->group("default", "g"))->last_run, at(2'000));
  ASSERT_TRUE(test::value_of(groups_->archive_group("default", "g", true)));
  EXPECT_THAT(run_ids("", with("archived", Comparator::equal, std::int64_t{0})), ElementsAre("r3"));
  ASSERT_TRUE(test::value_of(groups_->archive_group("default", "g", false)));
  EXPECT_TRUE(test::value_of(groups_->run("default", "r1"))->archived);
  EXPECT_FALSE(test::value_of(groups_->run("other", "r1")));
  EXPECT_FALSE(test::value_of(groups_->archive_run("other", "r1", false)));
  EXPECT_FALSE(test::value_of(groups_->remove_run("other", "r1")));
}

TEST_F(SqlitePipelinesTest, OnlyOneRetryReplacesARun) {
  add_run("r1", "g", "a run", 1'000, "failed");
  const auto retry = [this](const std::string& by) {
    auto append = append_of(by, 0, {"{}"}, "running", 2'000);
    auto run = *test::value_of(groups_->run("default", "r1"));
    run.run = {by};
    run.earlier.emplace_back("r1");
    append.group = std::make_shared<const ports::GroupStep>(run, RunId{"r1"});
    return ledger_->append({append}, ports::Durability::process);
  };
  ASSERT_OK(retry("r2"));
  EXPECT_EQ(retry("r3").error().code, Code::conflict);
  EXPECT_EQ(query("SELECT id FROM runs ORDER BY id"), (std::vector<std::string>{"r1", "r2"}))
      << "and there is no run";
  const auto retried = *test::value_of(groups_->run("default", "r1"));
  EXPECT_EQ(retried.run.text, "r2");
  EXPECT_EQ(retried.status, "running");
  EXPECT_EQ(retried.started, at(2'000));
  EXPECT_EQ(retried.created, at(1'000));
  EXPECT_EQ(retried.earlier.size(), 1U);
}

TEST_F(SqlitePipelinesTest, RowsGoWithTheirRuns) {
  add_run("r1", "g", "a run", 1'000);
  add_run("r2", "g", "a run", 2'000);
  const auto version = version_of("v", "p", "first");
  ASSERT_OK(pipelines_->add_pipeline(pipeline_of("p", "one"), &version));
  EXPECT_EQ(test::value_of(ledger_->remove_runs({{"r1"}})), 1U);
  EXPECT_THAT(run_ids("g", {}), ElementsAre("r2"));
  EXPECT_EQ(query("SELECT id FROM grouped_runs"), std::vector<std::string>{"r2"});
  std::vector<std::string> kept;
  ASSERT_OK(ledger_->each_kept_plan([&](const ports::LedgerStorage::NamedObject& plan) -> Result<void> {
    kept.push_back(plan.path);
    EXPECT_EQ(plan.digest, Digest::of(plan.path == "run r2" ? "r2" : "v"));
    return {};
  }));
  EXPECT_THAT(kept, ElementsAre("pipeline version first", "run r2"));
}

// The first page of a list is found by an index, and is not sorted, however many runs there are.
TEST_F(SqlitePipelinesTest, ListsOfRunsNeitherScanNorSort) {
  const std::string from = "FROM grouped_runs AS g CROSS JOIN runs AS r ON r.id = g.run WHERE ";
  const auto order = [](const std::string& by, const std::string& direction) {
    return " ORDER BY " + by + direction + ", g.id" + direction + " LIMIT 21";
  };
  std::vector<std::string> sqls;
  for (const std::string where : {"g.workspace = 'w'", "g.in_group = 'g' AND +g.workspace = 'w'"})
    for (const std::string direction : {"", " DESC"}) {
      const std::string after =
          std::string(" AND (g.created_ms, g.id) ") + (direction.empty() ? ">" : "<") + " (1, 'x')";
      for (const std::string archived : {"", " AND g.archived = 0"})
        for (const std::string& position : {std::string(), after}) {
          auto sql = "SELECT g.created_ms, g.id " + from;
          sql += where + archived + position + order("g.created_ms", direction);
          sqls.push_back(std::move(sql));
        }
    }
  sqls.push_back("SELECT lower(g.display_name), g.id " + from + "g.workspace = 'w'" +
                 order("lower(g.display_name)", " DESC"));
  for (const auto& sql : sqls)
    for (const auto& step : query("EXPLAIN QUERY PLAN " + sql)) {
      EXPECT_THAT(step, HasSubstr("SEARCH")) << sql;
    }
  // Those of a name are found by it, and sorted.
  EXPECT_THAT(
      query("EXPLAIN QUERY PLAN SELECT g.created_ms, g.id " + from +
            "g.workspace = 'w' AND lower(g.display_name) = 'x' ORDER BY +g.created_ms, g.id LIMIT 21"),
      testing::Contains(HasSubstr("grouped_runs_by_name (workspace=? AND <expr>=?)")));
  sqls.clear();
  sqls.emplace_back("SELECT max(created_ms) FROM grouped_runs WHERE in_group = 'g'");
  sqls.emplace_back("SELECT 1 FROM grouped_runs WHERE run = 'r'");
  for (const auto& sql : sqls)
    for (const auto& step : query("EXPLAIN QUERY PLAN " + sql)) {
      EXPECT_THAT(step, HasSubstr("SEARCH")) << sql;
    }
}

}  // namespace
}  // namespace sluice::stores
