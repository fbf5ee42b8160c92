#include "../runs/runs_stage.hpp"
#include "sluice/domain/schedules/schedules.hpp"
#include "sluice/stores/sqlite/sqlite_schedules.hpp"
#include "times.hpp"

namespace sluice::test {
namespace {

constexpr auto echo_plan = R"(
sluice: 1
pipelines:
  main:
    inputs: {day: {type: string, default: none}}
    outputs: {day: "${a.value}"}
    graph:
      a: {service: test.echo, with: {value: "${inputs.day}"}}
)";
constexpr auto held_plan = "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.held}\n";

/// A clock that stands still.
class SetClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return Time(Milliseconds(now_.load())); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return system_.steady(); }
  void set(Time time) { now_ = time.time_since_epoch().count(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> now_ = at("2026-11-30T10:00:30Z").time_since_epoch().count();
};

/// A scheduler over a real driver and real stores, whose clock the test sets.
struct SchedulerStage : RunsStage {
  SetClock clock;
  stores::SqliteSchedules store{stage.ledger->file()};
  runs::Runs timed = {{.control = server.driver(),
                       .journal = *stage.ledger,
                       .index = *stage.ledger,
                       .objects = *stage.objects,
                       .clock = clock,
                       .random = random},
                      {.frontends = {&stage.frontend}, .services = stage.signatures}};
  std::unique_ptr<schedules::Scheduler> scheduler = make_scheduler();
  schedules::Schedules use{{.store = store,
                            .scheduler = *scheduler,
                            .runs = timed,
                            .objects = *stage.objects,
                            .clock = clock,
                            .random = random}};

  std::unique_ptr<schedules::Scheduler> make_scheduler() {
    return std::make_unique<schedules::Scheduler>(schedules::Scheduler::Ports{
        .store = store, .runs = timed, .objects = *stage.objects, .clock = clock});
  }
  ports::ScheduleRow create(ports::ScheduleTiming timing, const std::string& text = echo_plan,
                            const std::string& instant_input = "") {
    return value_of(use.create({.name = "nightly",
                                .timing = std::move(timing),
                                .submission = {.text = text, .file = "plan.yaml"},
                                .instant_input = instant_input}))
        .row;
  }
  /// Waits until nothing is due at this time.
  void go_to(std::string_view time) {
    clock.set(at(time));
    scheduler->wake();
    scheduler->settle();
  }
  /// The instants of all runs, in order, once each has ended.
  std::vector<std::string> instants() {
    std::vector<std::string> out;
    for (const auto& row : value_of(stage.ledger->runs({}))) {
      server.wait(row.id.text);
      const auto report = value_of(timed.report(row.id));
      EXPECT_TRUE(report.created.trigger);
      out.push_back(to_iso8601(report.created.trigger->instant).substr(11, 8));
    }
    std::ranges::sort(out);
    return out;
  }
  std::size_t runs_stored() { return value_of(stage.ledger->runs({})).size(); }
  ports::ScheduleRow row() { return value_of(use.find("default", "nightly")).row; }
};

using Times = std::vector<std::string>;
const ports::ScheduleTiming every_minute{.cron = "* * * * *", .max_concurrency = 100};

TEST(Scheduler, StartsARunAtEachInstantAndSaysWhichScheduleDid) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  const auto created = s.create(every_minute, echo_plan, "day");
  EXPECT_EQ(created.due, at("2026-11-30T10:01Z"));
  s.go_to("2026-11-30T10:00:59Z");
  EXPECT_EQ(s.runs_stored(), 0U);
  s.go_to("2026-11-30T10:01:00Z");
  ASSERT_EQ(s.instants(), (Times{"10:01:00"}));
  const auto run = value_of(s.stage.ledger->runs({})).front();
  EXPECT_EQ(run.schedule, created.id);
  const auto report = value_of(s.timed.report(run.id));
  EXPECT_EQ(report.created.trigger->name, "nightly");
  EXPECT_EQ(report.created.trigger->schedule, created.id);
  EXPECT_EQ(*report.created.inputs.find("day")->if_string(), "2026-11-30T10:01:00.000Z");
  s.go_to("2026-11-30T10:03:30Z");
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00", "10:03:00"}));
  EXPECT_EQ(s.row().runs, 3);
  EXPECT_EQ(s.row().last, at("2026-11-30T10:03Z"));
  EXPECT_EQ(s.row().due, at("2026-11-30T10:04Z"));
  EXPECT_EQ(value_of(s.stage.ledger->runs({.schedule = created.id})).size(), 3U);
  EXPECT_EQ(value_of(s.stage.ledger->runs({.status = "failed", .schedule = created.id})).size(), 0U);
  EXPECT_EQ(value_of(s.stage.ledger->runs({.schedule = ScheduleId{"other"}})).size(), 0U);
}

TEST(Scheduler, StartsEachRunOnceWhoeverTries) {
  SchedulerStage s;
  const auto other = s.make_scheduler();
  s.create(every_minute);
  ASSERT_OK(s.scheduler->begin());
  ASSERT_OK(other->begin());
  s.clock.set(at("2026-11-30T10:30:00Z"));
  other->wake();
  s.scheduler->wake();
  // A scheduler that comes second looks again after a pause of this clock.
  wait_until([&] { return s.runs_stored() == 30; });
  s.clock.set(at("2026-11-30T10:30:59Z"));
  for (auto* one : {other.get(), s.scheduler.get()}) {
    one->wake();
    one->settle();
  }
  EXPECT_EQ(s.instants().size(), 30U);
  EXPECT_EQ(s.row().runs, 30);
}

TEST(Scheduler, CatchesUpWhenItBeginsAgain) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  s.create(every_minute);
  s.go_to("2026-11-30T10:01:00Z");
  s.scheduler->end();
  s.clock.set(at("2026-11-30T10:04:00Z"));
  const auto next = s.make_scheduler();
  ASSERT_OK(next->begin());
  next->settle();
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00", "10:03:00", "10:04:00"}));
}

TEST(Scheduler, RunsTheLatestThatWasMissedIfItDoesNotCatchUp) {
  SchedulerStage s;
  s.create({.cron = "* * * * *", .catch_up = false});
  s.clock.set(at("2026-11-30T10:04:10Z"));
  ASSERT_OK(s.scheduler->begin());
  s.scheduler->settle();
  EXPECT_EQ(s.instants(), (Times{"10:04:00"}));
}

TEST(Scheduler, WaitsForARunToEndWhenSoManyAreUnderWay) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  const auto created = s.create({.cron = "* * * * *", .max_concurrency = 2}, held_plan);
  s.go_to("2026-11-30T10:03:00Z");
  EXPECT_EQ(s.runs_stored(), 2U);
  s.stage.gate.open();
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00"}));
  s.scheduler->run_ended(created.id);
  s.scheduler->settle();
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00", "10:03:00"}));
}

TEST(Scheduler, StartsNothingOfWhatIsDisabledOrRemoved) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  s.create(every_minute);
  EXPECT_EQ(value_of(s.use.set_enabled("default", "nightly", false)), "nightly");
  EXPECT_EQ(s.row().due, std::nullopt);
  EXPECT_TRUE(value_of(s.use.upcoming(s.row(), 5)).empty());
  s.go_to("2026-11-30T10:02:00Z");
  EXPECT_EQ(s.runs_stored(), 0U);
  ASSERT_OK(s.use.set_enabled("default", "nightly", true));
  s.scheduler->settle();
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00"})) << "it catches up";
  ASSERT_OK(s.use.remove("default", "nightly"));
  s.go_to("2026-11-30T10:09:00Z");
  EXPECT_EQ(s.runs_stored(), 2U);
  EXPECT_EQ(message_of(s.use.find("default", "nightly")),
            "there is no schedule `nightly`; `sluice schedules` lists them");
}

TEST(Scheduler, EndsWithItsEnd) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  s.create({.cron = "* * * * *", .end = at("2026-11-30T10:02:30Z"), .max_concurrency = 100});
  s.go_to("2026-11-30T11:00:00Z");
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00"}));
  EXPECT_EQ(s.row().due, std::nullopt);
  EXPECT_TRUE(s.row().enabled);
}

TEST(Scheduler, TriesAgainWhenARunCannotBeStored) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  s.create(every_minute);
  s.stage.journal_port.full = true;
  s.go_to("2026-11-30T10:01:00Z");
  EXPECT_EQ(s.row().problem, "no space left");
  EXPECT_EQ(s.row().last, std::nullopt);
  s.stage.journal_port.full = false;
  s.go_to("2026-11-30T10:01:00.999Z");
  EXPECT_EQ(s.runs_stored(), 0U) << "after a pause";
  s.go_to("2026-11-30T10:01:01Z");
  EXPECT_EQ(s.instants(), (Times{"10:01:00"}));
  EXPECT_EQ(s.row().problem, "");
}

TEST(Scheduler, RunsNothingTwiceWhenTheClockIsPutBack) {
  SchedulerStage s;
  ASSERT_OK(s.scheduler->begin());
  s.create(every_minute);
  s.go_to("2026-11-30T10:02:00Z");
  s.go_to("2026-11-30T09:00:00Z");
  s.go_to("2026-11-30T10:02:59Z");
  EXPECT_EQ(s.instants(), (Times{"10:01:00", "10:02:00"}));
}

TEST(Schedules, RefuseWhatCannotWork) {
  SchedulerStage s;
  const auto problem = [&](schedules::Schedules::Creation creation) {
    if (creation.submission.text.empty()) creation.submission.text = echo_plan;
    if (creation.submission.file.empty()) creation.submission.file = "plans/nightly.yaml";
    return message_of(s.use.create(std::move(creation)));
  };
  s.create(every_minute);
  EXPECT_EQ(problem({.timing = every_minute}),
            "there is a schedule `nightly`; choose another name with --name, or remove it: sluice schedules "
            "rm nightly");
  EXPECT_EQ(problem({.timing = every_minute, .submission = {.text = "", .file = "my plan.yaml"}}),
            "`my plan` is not a name for a schedule: write up to 100 letters, digits, `_`, `-` and `.`, with "
            "--name");
  EXPECT_EQ(problem({.name = "../x", .timing = every_minute}),
            "`../x` is not a name for a schedule: write up to 100 letters, digits, `_`, `-` and `.`");
  EXPECT_EQ(problem({.name = "a", .timing = {.cron = "* * * *"}}).substr(0, 5), "cron:");
  EXPECT_EQ(
      problem(
          {.name = "a",
           .timing = every_minute,
           .submission = {.text =
                              "sluice: 1\npipelines: {main: {inputs: {n: {type: integer}}, graph: {}}}"}}),
      "input `n`: it is missing; give it with --input n=VALUE");
  EXPECT_EQ(problem({.name = "a", .timing = {.cron = "0 0 1 1 *", .end = at("2026-12-01T00:00Z")}}),
            "end: 2026-12-01T00:00:00.000Z comes before the schedule's first run");
  Struct day;
  day.set("day", "x");
  EXPECT_EQ(
      problem({.name = "a", .timing = every_minute, .submission = {.inputs = day}, .instant_input = "day"}),
      "input `day` is given both a value and the instant");
  EXPECT_EQ(problem({.name = "a", .timing = every_minute, .instant_input = "no"}).substr(0, 18),
            "unknown input `no`");
  EXPECT_EQ(value_of(s.use.list("default", {})).size(), 1U);
}

TEST(Schedules, AreOfTheirWorkspace) {
  SchedulerStage s;
  const auto id = s.create(every_minute).id;
  EXPECT_EQ(error_of(s.use.find("other", "nightly")).code, Code::not_found);
  EXPECT_EQ(error_of(s.use.find("other", id.text)).code, Code::not_found);
  EXPECT_EQ(error_of(s.use.remove("other", "nightly")).code, Code::not_found);
  EXPECT_EQ(error_of(s.use.set_enabled("other", id.text, false)).code, Code::not_found);
  EXPECT_TRUE(value_of(s.use.list("other", {})).empty());
  EXPECT_EQ(value_of(s.use.find("default", id.text)).row.name, "nightly");
  EXPECT_EQ(message_of(s.use.find("default", "nigthly")),
            "there is no schedule `nigthly`; did you mean `nightly`?");
}

}  // namespace
}  // namespace sluice::test
