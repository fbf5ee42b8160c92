#include "result_assertions.hpp"
#include "runs_stage.hpp"

namespace sluice::test {
namespace {

using runs::operation_at;

constexpr auto all_kinds = R"(
sluice: 1
pipelines:
  main:
    graph:
      ran: {service: test.echo, with: {value: 1}}
      uncached: {service: test.echo, cache: off}
      skipped: {service: test.echo, if: "${ran.value > 1}"}
      fails: {service: test.broken, fails: false}
      blocked: {service: test.echo, after: [fails]}
      choose:
        branch:
          - when: "${ran.value > 1}"
            graph: {one: {service: test.echo}}
          - else:
              graph: {"two/three": {service: test.echo, with: {value: 2}}}
      folds: {each: "${range(2)}", as: fold, graph: {fit: {service: test.echo, with: {value: "${fold + 10}"}}}}
      sub: {call: inner}
  inner:
    graph:
      task: {process: ["/bin/true"], code: src}
)";

Struct code(ports::ObjectStore& objects) {
  const auto stored = value_of(objects.put_tree({}));
  return one("src",
             Artifact{.kind = "code", .form = Form::directory, .digest = stored.digest, .size = stored.size});
}

runs::RunReport report_of(RunsStage& s) {
  const auto id =
      value_of(s.runs.submit({.text = all_kinds, .file = "plan.yaml", .code = code(*s.stage.objects)})).run;
  s.server.wait(id.text);
  return value_of(s.runs.report(id));
}

TEST(Report, ShowsHowEachOperationEndedAndWhy) {
  RunsStage s;
  const auto report = report_of(s);
  EXPECT_EQ(operation(report, "ran").state, "succeeded");
  EXPECT_EQ(operation(report, "ran").why, "no finished task has its key");
  EXPECT_TRUE(operation(report, "ran").key);
  EXPECT_EQ(operation(report, "ran").service, "test.echo");
  EXPECT_EQ(operation(report, "uncached").why, "it is not cached: it has an effect, or its cache is off");
  EXPECT_EQ(operation(report, "skipped").state, "skipped");
  EXPECT_EQ(operation(report, "skipped").why, "its `if` does not hold: ${ran.value > 1}");
  EXPECT_EQ(operation(report, "fails").state, "failed");
  EXPECT_EQ(operation(report, "fails").failure.message, "cat.png: not a picture");
  EXPECT_EQ(operation(report, "blocked").state, "blocked");
  EXPECT_EQ(operation(report, "blocked").why, "`fails` failed");
}

TEST(Report, SaysWhatKeptAnOperationFromStarting) {
  RunsStage s;
  const auto id = value_of(s.runs.submit({.text = R"(
sluice: 1
pipelines:
  main:
    inputs: {on: {type: boolean, default: false}}
    graph:
      good: {service: test.echo, with: {value: 1}}
      bad: {service: test.broken, fails: false}
      off: {service: test.echo, if: "${inputs.on}"}
      off2: {service: test.echo, if: false}
      after_both: {service: test.echo, after: [off, off2, good]}
      reads: {service: test.echo, with: {value: "${off.value}"}, trigger: completed}
      own: {service: test.echo, after: off, trigger: completed, if: "${inputs.on}"}
      alarm: {service: test.echo, after: good, trigger: any_failed}
      any: {service: test.echo, after: [good, off], trigger: any_succeeded, if: "${inputs.on}"}
      none: {service: test.echo, after: off, trigger: any_succeeded}
      blocked: {service: test.echo, after: [bad, good], fails: false}
      second: {service: test.echo, after: [bad, blocked], fails: false}
      group: {graph: {"in side": {service: test.echo, if: false}, next: {service: test.echo, after: "in side"}}}
)",
                                          .file = "plan.yaml"}))
                      .run;
  s.server.wait(id.text);
  const auto report = value_of(s.runs.report(id));
  const auto why = [&](const char* path) { return operation(report, path).why; };
  EXPECT_EQ(why("off"), "its `if` does not hold: ${inputs.on}");
  EXPECT_EQ(why("off2"), "its `if` does not hold");
  EXPECT_EQ(why("after_both"), "`off` was skipped, `off2` was skipped");
  EXPECT_EQ(why("reads"), "`off` was skipped");
  EXPECT_EQ(why("own"), "its `if` does not hold: ${inputs.on}");
  EXPECT_EQ(why("alarm"), "nothing that it waits for failed");
  EXPECT_EQ(why("any"), "its `if` does not hold: ${inputs.on}");
  EXPECT_EQ(why("none"), "`off` was skipped");
  EXPECT_EQ(why("blocked"), "`bad` failed");
  EXPECT_EQ(why("second"), "`bad` failed, `blocked` was blocked");
  EXPECT_EQ(why("group/next"), "`in side` was skipped");
}

TEST(Report, NamesOperationsByTheirPath) {
  RunsStage s;
  const auto report = report_of(s);
  for (const auto* path :
       {"choose", "choose{1}/two%2Fthree", "folds", "folds[0]/fit", "folds[1]/fit", "sub", "sub/task"})
    EXPECT_EQ(operation(report, path).state, "succeeded") << path;
  EXPECT_EQ(operation(report, "choose").kind, "branch");
  EXPECT_EQ(operation(report, "choose{1}/two%2Fthree").kind, "service");
  EXPECT_EQ(operation(report, "folds").kind, "each");
  EXPECT_EQ(operation(report, "sub").kind, "call");
  EXPECT_EQ(operation(report, "sub/task").kind, "process");
  EXPECT_EQ(operation(report, "sub/task").code, code(*s.stage.objects).begin()->second.if_artifact()->digest);
}

TEST(Report, NamesTheOriginOfCachedOutputs) {
  RunsStage s;
  const auto first = report_of(s);
  const auto report = report_of(s);
  const auto& ran = operation(report, "ran");
  EXPECT_TRUE(ran.cached);
  EXPECT_EQ(ran.made_in, first.created.run);
  EXPECT_EQ(ran.made_by, "ran");
  EXPECT_EQ(ran.why, "its key equals that of ran in run " + first.created.run.text);
  EXPECT_EQ(ran.key, operation(first, "ran").key);
  EXPECT_EQ(ran.attempts, 0);
  EXPECT_EQ(to_json(ran.outputs), R"({"value":1})");
  EXPECT_FALSE(operation(report, "uncached").cached);
}

TEST(Report, CountsAttemptsOfATaskThatIsTriedAgain) {
  RunsStage s;
  const auto report = s.run(
      "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.broken, retry: {limit: 2}}\n");
  EXPECT_EQ(operation(report, "a").attempts, 3);
  EXPECT_EQ(operation(report, "a").state, "failed");
}

TEST(Report, ShowsARunningRun) {
  RunsStage s;
  const auto id =
      value_of(s.runs.submit(
                   {.text = "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.held}\n",
                    .file = "plan.yaml"}))
          .run;
  s.stage.gate.wait_for_a_call();
  const auto report = value_of(s.runs.report(id));
  EXPECT_FALSE(report.result);
  EXPECT_EQ(operation(report, "a").state, "running");
  EXPECT_EQ(to_json(report).text_at("status"), "running");
  s.stage.gate.open();
}

TEST(Report, IsWrittenAsJson) {
  RunsStage s;
  const auto report = s.run(
      "sluice: 1\npipelines:\n  main:\n    outputs: {x: \"${a.value}\"}\n    graph:\n"
      "      a: {service: test.echo, with: {value: 1}}\n      b: {service: test.broken, after: [a]}\n");
  const auto json = to_json(report);
  EXPECT_EQ(json.text_at("run"), report.created.run.text);
  EXPECT_EQ(json.text_at("status"), "failed");
  EXPECT_EQ(json.text_at("failed_at"), "b");
  EXPECT_EQ(json.text_at("message"), "cat.png: not a picture");
  EXPECT_EQ(json.text_at("plan_digest"), report.created.plan_digest.hex());
  EXPECT_EQ(static_cast<std::uint64_t>(json.integer_at("events")), report.length);
  const auto& tasks = *json.find("tasks")->if_list();
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(tasks[0].text_at("status"), "succeeded");
  EXPECT_EQ(to_json(*tasks[0].find("outputs")), R"({"value":1})");
  EXPECT_EQ(tasks[0].text_at("key").size(), 64U);
  EXPECT_EQ(tasks[1].find("failure")->text_at("kind"), "service");
  EXPECT_TRUE(tasks[1].find("seconds"));
}

TEST(Report, HoldsSoMuchOfALargeRunAndNoMore) {
  runs::Reporter reporter;
  for (int i = 0; i < 20'000; ++i) {
    const auto path = "many[" + std::to_string(i) + "]/t";
    reporter.apply(engine::TaskReady{.path = path, .call = {}});
    reporter.apply(engine::Ended{.path = path,
                                 .status = i == 19'999 ? engine::Status::failed : engine::Status::succeeded,
                                 .outputs = test::one("text", std::string(20'000, 'x'))});
  }
  const auto& operations = reporter.report().operations;
  EXPECT_LT(operations.size(), 11'000U);
  EXPECT_EQ(operations.back().path, "many[19999]/t") << "the failed one";
  EXPECT_EQ(operations.front().outputs.size(), 1U);
  EXPECT_EQ(reporter.report().omitted, 20'000U - operations.size() + 1);
  EXPECT_LT(to_json(to_json(reporter.report())).size(), 80U << 20);
}

TEST(Report, LeavesOutLargeValuesThatComeLate) {
  runs::Reporter reporter;
  for (int i = 0; i < 200; ++i) reporter.apply(engine::RegionStarted{.path = "b" + std::to_string(i)});
  for (int i = 0; i < 200; ++i)
    reporter.apply(engine::Ended{.path = "b" + std::to_string(i),
                                 .outputs = test::one("text", std::string(1'000'000, 'x'))});
  const auto& operations = reporter.report().operations;
  EXPECT_FALSE(operations.front().shortened);
  EXPECT_EQ(operations.back().state, "succeeded");
  EXPECT_TRUE(operations.back().shortened);
  EXPECT_TRUE(operations.back().outputs.empty());
}

TEST(Report, OfAnUnknownRunIsAnError) {
  RunsStage s;
  EXPECT_EQ(s.runs.report({"nobody"}).error().message, "there is no run nobody");
}

TEST(FailedItself, IsFalseForWhatFailedInside) {
  const auto failed = [](const std::string& path, const std::string& source) {
    return runs::failed_itself({.path = path, .failure = {.kind = "raise", .source = source}});
  };
  EXPECT_TRUE(failed("folds", "folds"));
  EXPECT_TRUE(failed("folds", "folds[3]")) << "what an iteration yields";
  EXPECT_TRUE(failed("a/v", "a/v{0}"));
  EXPECT_FALSE(failed("folds", "folds[3]/fit"));
  EXPECT_FALSE(failed("a", "a/b"));
  EXPECT_FALSE(failed("a", "ab"));
  EXPECT_FALSE(failed("a", ""));
}

TEST(OperationAt, ReturnsNullForAnInvalidPath) {
  RunsStage s;
  const auto plan = s.stage.plan(all_kinds);
  EXPECT_EQ(operation_at(*plan, "main", "choose{1}/two%2Fthree")->name, "two/three");
  for (const auto* path :
       {"", "nobody", "ran/x", "choose{7}/one", "choose{1}/one", "sub/nobody", "%", "folds[0]/fit/more", "/"})
    EXPECT_EQ(operation_at(*plan, "main", path), nullptr) << path;
  EXPECT_EQ(operation_at(*plan, "nobody", "ran"), nullptr);
}

}  // namespace
}  // namespace sluice::test
