#include "ledger_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/sqlite/sqlite_recurring_runs.hpp"
#include "sluice/stores/sqlite/sqlite_schedules.hpp"

namespace sluice::stores {
namespace {

using test::error_of;
using test::message_of;
using test::value_of;

class SqliteSchedulesTest : public LedgerTest {
 protected:
  static ports::Schedule schedule(const std::string& name, const std::string& workspace = "default") {
    Struct inputs;
    inputs.set("n", std::int64_t{3});
    inputs.set("a", Artifact{.kind = "file", .digest = Digest::of("bytes"), .size = 5});
    return {.row = {.id = {"id-" + workspace + "-" + name},
                    .principal = {.workspace = workspace, .name = "ann"},
                    .name = name,
                    .file = "plan.yaml",
                    .timing = {.cron = "@daily",
                               .interval = Milliseconds(0),
                               .time_zone = "Europe/Berlin",
                               .start = at(1),
                               .end = std::nullopt,
                               .catch_up = false,
                               .max_concurrency = 3},
                    .enabled = true,
                    .created = at(1000),
                    .last = std::nullopt,
                    .due = at(5000)},
            .plan = {.text = Digest::of("plan"),
                     .file = "plan.yaml",
                     .pipeline = "main",
                     .inputs = inputs,
                     .code = {},
                     .cache = false,
                     .strict = true,
                     .options = inputs,
                     .instant_input = "day"}};
  }
  /// The creation of a run by a schedule.
  static ports::Append creation(const std::string& run, const ports::ScheduleStep& step) {
    auto append = append_of(run, 0, {"{}"});
    append.row->schedule = step.schedule;
    append.step = step;
    return append;
  }
  Result<void> append(const ports::Append& one) { return ledger_->append({one}, ports::Durability::process); }

  SqliteSchedules schedules() { return SqliteSchedules(ledger_->file()); }
};

TEST_F(SqliteSchedulesTest, AreStoredFoundListedAndRemoved) {
  for (const auto* name : {"b", "a", "c"}) ASSERT_OK(schedules().add(schedule(name)));
  ASSERT_OK(schedules().add(schedule("a", "other")));
  EXPECT_EQ(error_of(schedules().add(schedule("a"))).code, Code::already_exists);
  ledger_.reset();
  ledger_ = open();
  const auto found = value_of(schedules().find("default", "a")).value();
  const auto expected = schedule("a");
  EXPECT_EQ(found.row.id, expected.row.id);
  EXPECT_EQ(found.row.principal, expected.row.principal);
  EXPECT_EQ(found.row.timing, expected.row.timing);
  EXPECT_EQ(found.row.due, at(5000));
  EXPECT_EQ(found.row.last, std::nullopt);
  EXPECT_EQ(found.plan.text, expected.plan.text);
  EXPECT_EQ(found.plan.inputs, expected.plan.inputs);
  EXPECT_EQ(found.plan.options, expected.plan.options);
  EXPECT_EQ(found.plan.instant_input, "day");
  EXPECT_FALSE(found.plan.cache);
  EXPECT_TRUE(found.plan.strict);
  EXPECT_EQ(value_of(schedules().find("default", "id-default-a")).value().row.name, "a");
  EXPECT_FALSE(value_of(schedules().find("default", "id-other-a")));
  const auto page = value_of(schedules().list("default", {.after = "a", .limit = 1}));
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page.front().name, "b");
  EXPECT_TRUE(value_of(schedules().remove({"id-default-a"})));
  EXPECT_FALSE(value_of(schedules().remove({"id-default-a"})));
  EXPECT_FALSE(value_of(schedules().find("default", "a")));
}

TEST_F(SqliteSchedulesTest, AreDueUnlessTheyAreDisabled) {
  ASSERT_OK(schedules().add(schedule("a")));
  ASSERT_OK(schedules().add(schedule("b")));
  EXPECT_TRUE(value_of(schedules().set_enabled({"id-default-a"}, false, std::nullopt, at(7000))));
  EXPECT_FALSE(value_of(schedules().set_enabled({"none"}, false, std::nullopt, at(7000))));
  std::vector<std::string> due;
  ASSERT_OK(schedules().each_due([&](const ScheduleId& id, Time) { due.push_back(id.text); }));
  EXPECT_EQ(due, (std::vector<std::string>{"id-default-b"}));
}

TEST_F(SqliteSchedulesTest, StepWithTheCreationOfTheirRunOrNotAtAll) {
  ASSERT_OK(schedules().add(schedule("a")));
  ASSERT_OK(schedules().set_problem({"id-default-a"}, "no space"));
  EXPECT_EQ(value_of(schedules().find("default", "a"))->row.problem, "no space");
  const ports::ScheduleStep step{.schedule = {"id-default-a"}, .instant = at(5000), .due = at(9000)};
  ASSERT_OK(append(creation("r1", step)));
  auto row = value_of(schedules().find("default", "a"))->row;
  EXPECT_EQ(row.last, at(5000));
  EXPECT_EQ(row.due, at(9000));
  EXPECT_EQ(row.runs, 1);
  EXPECT_EQ(row.problem, "");
  EXPECT_EQ(value_of(schedules().running({"id-default-a"})), 1);
  // The same instant once more, of a run that was swept meanwhile or not: nothing of it is stored.
  EXPECT_EQ(error_of(append(creation("r1", step))).code, Code::conflict);
  EXPECT_EQ(error_of(append(creation("r2", step))).code, Code::conflict);
  EXPECT_EQ(value_of(ledger_->length({"r2"})), 0U);
  ASSERT_OK(schedules().set_enabled({"id-default-a"}, false, std::nullopt, at(7000)));
  const ports::ScheduleStep later{.schedule = {"id-default-a"}, .instant = at(9000), .due = std::nullopt};
  EXPECT_EQ(message_of(append(creation("r3", later))),
            "schedule id-default-a was removed or disabled, or has had this run; read it again");
  ASSERT_OK(schedules().remove({"id-default-a"}));
  EXPECT_EQ(error_of(append(creation("r3", later))).code, Code::conflict);
  EXPECT_EQ(value_of(ledger_->length({"r3"})), 0U);
}

TEST_F(SqliteSchedulesTest, CountTheirRunsThatHaveNotEnded) {
  ASSERT_OK(schedules().add(schedule("a")));
  for (int i = 1; i <= 3; ++i)
    ASSERT_OK(append(
        creation("r" + std::to_string(i), {.schedule = {"id-default-a"}, .instant = at(i), .due = at(9)})));
  auto ended = append_of("r2", 1, {"{}"}, "succeeded");
  ended.row->schedule = {"id-default-a"};
  ASSERT_OK(append(ended));
  EXPECT_EQ(value_of(schedules().running({"id-default-a"})), 2);
  const auto runs = value_of(ledger_->runs({.status = "succeeded", .schedule = ScheduleId{"id-default-a"}}));
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs.front().schedule.text, "id-default-a");
  const auto page =
      value_of(ledger_->runs({.schedule = ScheduleId{"id-default-a"},
                              .limit = 1,
                              .after = ports::RunFilter::Position{.created = at(1000), .id = {"r3"}}}));
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page.front().id.text, "r2");
}

TEST_F(SqliteSchedulesTest, WhatItsRunsHaveInCommonGoesWithTheSchedule) {
  auto recurring = schedule("a");
  ports::GroupedRun run{
      .id = {}, .run = {}, .principal = recurring.row.principal, .group = "g", .display_name = "Nightly"};
  run.text = Digest::of("plan");
  run.created = at(1000);
  run.parameters.set("n", 1.5);
  recurring.group = std::make_shared<const ports::GroupedRun>(run);
  ASSERT_OK(schedules().add(recurring));
  ASSERT_OK(schedules().add(schedule("b")));
  const auto found = value_of(schedules().find(recurring.row.id));
  ASSERT_TRUE(found && found->group);
  EXPECT_EQ(found->group->display_name, "Nightly");
  EXPECT_EQ(found->group->parameters, run.parameters);
  EXPECT_EQ(value_of(schedules().find({"id-default-b"}))->group, nullptr);

  const SqliteRecurringRuns listed(ledger_->file());
  const auto page = value_of(listed.recurring_runs("default", "g", {}));
  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.entries[0].id, recurring.row.id.text);
  EXPECT_EQ(page.entries[0].schedule.name, "a");
  EXPECT_EQ(page.entries[0].schedule.due, at(5000));
  EXPECT_EQ(page.entries[0].run.created, at(1000));
  EXPECT_TRUE(value_of(listed.recurring_run("default", recurring.row.id.text)));
  EXPECT_FALSE(value_of(listed.recurring_run("other", recurring.row.id.text)));
  EXPECT_TRUE(value_of(listed.recurring_runs("default", "h", {})).entries.empty());

  EXPECT_TRUE(value_of(schedules().find("default", "a"))->group);
  EXPECT_EQ(page.entries[0].updated, at(1000));
  ASSERT_OK(schedules().set_enabled(recurring.row.id, false, std::nullopt, at(7000)));
  EXPECT_EQ(value_of(listed.recurring_run("default", recurring.row.id.text))->updated, at(7000));

  EXPECT_TRUE(value_of(schedules().remove(recurring.row.id)));
  EXPECT_TRUE(query("SELECT id FROM recurring_runs").empty());
}

}  // namespace
}  // namespace sluice::stores
