#include "result_assertions.hpp"
#include "runs_stage.hpp"

namespace sluice::test {
namespace {

using runs::Submission;

constexpr auto echo_plan = R"(
sluice: 1
pipelines:
  main:
    inputs: {n: {type: integer, default: 3}}
    outputs: {n: "${a.value}"}
    graph:
      a: {service: test.echo, with: {value: "${inputs.n}"}}
  other:
    graph: {}
)";
constexpr auto held_plan = "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.held}\n";
constexpr auto picture_plan = R"(
sluice: 1
pipelines:
  main:
    inputs:
      pictures: {type: artifact, kind: directory, default: pictures}
      more: {type: list<artifact>, optional: true}
    graph:
      a: {service: test.echo, with: {value: "${inputs.pictures}"}}
)";
constexpr auto code_plan = R"(
sluice: 1
pipelines:
  main:
    graph:
      a: {process: [run], code: src}
)";

Artifact artifact(const std::string& bytes) {
  return {.kind = "directory", .form = Form::directory, .digest = Digest::of(bytes), .size = 1};
}

TEST(Submitting, StoresThePlanItsDigestAndTheBoundInputs) {
  RunsStage s;
  const auto report = s.run(echo_plan);
  EXPECT_EQ(report.created.name, "plan.yaml");
  EXPECT_EQ(report.created.pipeline, "main");
  EXPECT_EQ(to_json(report.created.inputs), R"({"n":3})");
  EXPECT_EQ(report.created.plan_digest, Digest::of(report.created.plan));
  EXPECT_EQ(report.created.run.text.size(), 26U);
  ASSERT_TRUE(report.result);
  EXPECT_EQ(to_json(report.result->outputs), R"({"n":3})");
  EXPECT_EQ(to_json(s.run(echo_plan, one("n", 5)).result->outputs), R"({"n":5})");
}

TEST(Submitting, RefusesWhatAServiceRefusesOfACallThatIsCertain) {
  RunsStage s;
  runs::Runs runs(
      {.control = s.server.driver(),
       .journal = *s.stage.ledger,
       .index = *s.stage.ledger,
       .objects = *s.stage.objects,
       .clock = s.stage.clock,
       .random = s.random,
       .check_call = [](const std::string& service, const Struct& known) -> Result<void> {
         if (known.find("value") == nullptr) return {};
         return Fail(
             user_error(Code::invalid_argument, service + " wants no value").with_note("and no other"));
       }},
      {.frontends = {&s.stage.frontend}, .services = s.stage.signatures});
  const auto refused = runs.submit({.text = echo_plan, .file = "plan.yaml"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "plan.yaml:8:7: service `test.echo`: test.echo wants no value");
  EXPECT_EQ(refused.error().notes, std::vector<std::string>{"and no other"});
  EXPECT_OK(runs.submit({.text = held_plan, .file = "plan.yaml"}));
  s.stage.gate.open();
}

TEST(Submitting, StoresThePipelineThatRunsWhereNobodyNamesOne) {
  RunsStage s;
  EXPECT_EQ(s.run("sluice: 1\npipelines:\n  train: {graph: {}}\n").created.pipeline, "train");
}

TEST(Submitting, RefusesAPlanAPipelineOrInputsThatAreWrong) {
  RunsStage s;
  EXPECT_EQ(s.problem({.text = "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.ehco}\n",
                       .file = "plan.yaml"}),
            "plan.yaml:5:7: unknown service `test.ehco`; did you mean `test.echo`?");
  EXPECT_EQ(s.problem({.text = echo_plan, .file = "plan.yaml", .pipeline = "othre"}),
            "plan.yaml: there is no pipeline `othre`; did you mean `other`?");
  EXPECT_EQ(s.problem({.text = echo_plan, .file = "plan.yaml", .inputs = one("n", "three")}),
            "input `n`: it should be an integer, but it is a string");
  EXPECT_EQ(s.problem({.text = echo_plan, .file = "plan.yaml", .inputs = one("m", 3)}),
            "unknown input `m` of pipeline `main`");
  EXPECT_TRUE(value_of(s.runs.list({})).empty());
}

/// A front-end with a bug: no text can hold what it makes.
class LongNames final : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override { return "long names"; }
  [[nodiscard]] bool recognizes(std::string_view, const std::string&) const override { return true; }
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file,
                                      const ir::LoweringOptions&) const override {
    SLUICE_TRY(lowered, ir::parse_plan(text, file));
    lowered.plan.pipelines.front().body.operations.front().name = std::string(251, 'x');
    return lowered;
  }
};

TEST(Submitting, RefusesAPlanThatCouldNotBeReadBackWhenTheRunIsResumed) {
  RunsStage s;
  const LongNames dialect;
  const auto run = s.in(dialect).submit({.text = held_plan, .file = "plan.yaml"});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().message,
            "the canonical text of this plan cannot be read back: stored plan:5:7: the name of an operation "
            "should have 1 to 250 bytes, not 251");
  EXPECT_EQ(run.error().blame, Blame::sluice);
  EXPECT_TRUE(value_of(s.runs.list({})).empty());
}

TEST(Submitting, RefusesAnObjectThatIsNotInTheStore) {
  RunsStage s;
  const auto hex = Digest::of("lost").hex();
  EXPECT_EQ(
      s.problem({.text = picture_plan, .file = "plan.yaml", .inputs = one("pictures", artifact("lost"))}),
      "input `pictures`: its object " + hex + " is not in the store; upload it first");
  EXPECT_OK(s.stage.objects->put("there"));
  auto inputs = one("pictures", artifact("there"));
  inputs.set("more", List{artifact("there"), artifact("lost")});
  EXPECT_EQ(s.problem({.text = picture_plan, .file = "plan.yaml", .inputs = inputs}),
            "input `more`: its object " + hex + " is not in the store; upload it first");
}

TEST(Submitting, RefusesAPathWhereAnArtifactIsNeeded) {
  RunsStage s;
  constexpr auto message =
      "input `pictures` should be an artifact of kind `directory`, but it is a string; upload the file or "
      "folder first and submit the artifact";
  EXPECT_EQ(s.problem({.text = picture_plan, .file = "plan.yaml", .inputs = one("pictures", "/etc")}),
            message);
  EXPECT_EQ(s.problem({.text = picture_plan, .file = "plan.yaml"}), message);
}

TEST(Submitting, NeedsTheFoldersThatThePlanNamesAsCode) {
  RunsStage s;
  EXPECT_EQ(s.problem({.text = code_plan, .file = "plan.yaml"}),
            "the folder `src` that the plan names as `code` was not submitted with it");
  EXPECT_EQ(s.problem({.text = code_plan, .file = "plan.yaml", .code = one("src", "a path")}),
            "the folder `src` that the plan names as `code` was not submitted with it");
  EXPECT_EQ(s.problem({.text = code_plan, .file = "plan.yaml", .code = one("src", artifact("lost"))}),
            "code `src`: its object " + Digest::of("lost").hex() + " is not in the store; upload it first");
}

TEST(FindingRuns, ByTheBeginningOfTheirId) {
  RunsStage s;
  EXPECT_EQ(s.runs.find("default", "latest").error().message, "there are no runs yet");
  const auto first = s.run(echo_plan).created.run;
  EXPECT_EQ(value_of(s.runs.find("default", first.text)).id, first);
  EXPECT_EQ(value_of(s.runs.find("default", first.text.substr(0, 20))).id, first);
  s.stage.clock.go_forward(std::chrono::milliseconds(5));
  const auto second = s.run(echo_plan).created.run;
  EXPECT_EQ(value_of(s.runs.find("default", "latest")).id, second);
  const auto ambiguous = s.runs.find("default", "0");
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().message,
            "several runs begin with `0`: " + second.text + ", " + first.text + "; give a longer prefix");
  EXPECT_EQ(s.runs.find("default", "zz").error().message, "there is no run `zz`; `sluice runs` lists them");
  EXPECT_EQ(s.runs.find("default", "latset").error().message,
            "there is no run `latset`; did you mean `latest`?");
  auto misspelt = first.text;
  std::swap(misspelt[24], misspelt[25]);
  misspelt[20] = misspelt[20] == 'Z' ? 'Y' : 'Z';
  EXPECT_EQ(s.runs.find("default", misspelt).error().message,
            "there is no run `" + misspelt + "`; did you mean `" + first.text + "`?");
  EXPECT_EQ(s.runs.find("default", "%").error().code, Code::not_found);
  EXPECT_EQ(s.runs.find("team", first.text).error().code, Code::not_found);
}

TEST(ListingRuns, ByStatus) {
  RunsStage s;
  s.run(echo_plan);
  s.run("sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.broken}\n");
  EXPECT_EQ(value_of(s.runs.list({})).size(), 2U);
  const auto failed = value_of(s.runs.list({.status = "failed"}));
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].message, "cat.png: not a picture");
}

TEST(ResumingRuns, IsRefusedForOneThatHasEnded) {
  RunsStage s;
  const auto run = s.run(echo_plan).created.run.text;
  EXPECT_EQ(s.runs.resume("default", run).error().message,
            "run " + run + " has succeeded already; see `sluice show " + run + "`");
  const auto failed =
      s.run("sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.broken}\n").created.run.text;
  EXPECT_EQ(s.runs.resume("default", failed).error().message,
            "run " + failed + " has ended (failed) already; see `sluice show " + failed + "`");
}

TEST(ResumingRuns, ResumesAllThatHaveNotEndedInEveryWorkspace) {
  ServedStage stage;
  SystemRandom random;
  std::vector<RunId> ids;
  const auto runs_over = [&](Server& server) {
    return runs::Runs({.control = server.driver(),
                       .journal = *stage.ledger,
                       .index = *stage.ledger,
                       .objects = *stage.objects,
                       .clock = stage.clock,
                       .random = random},
                      {.frontends = {&stage.frontend}, .services = stage.signatures});
  };
  {
    Server server(stage);
    auto runs = runs_over(server);
    for (const auto* workspace : {"default", "team"})
      ids.push_back(
          value_of(
              runs.submit({.text = held_plan, .file = "plan.yaml", .principal = {.workspace = workspace}}))
              .run);
    ids.push_back(value_of(runs.submit({.text = echo_plan, .file = "plan.yaml"})).run);
    server.wait(ids.back().text);
  }
  ASSERT_OK(stage.ledger->append({{.run = {"damaged"},
                                   .expected_next = 0,
                                   .events = {"{}"},
                                   .row = ports::RunRow{.id = {"damaged"}, .status = "running"},
                                   .cache = {}}},
                                 ports::Durability::process));
  stage.gate.open();
  Server server(stage);
  auto runs = runs_over(server);
  EXPECT_EQ(value_of(runs.resume_all()), 2U);
  for (const auto& id : ids) EXPECT_EQ(server.end_of(id.text).status, engine::Status::succeeded);
}

TEST(CancellingRuns, FindsThemByTheBeginningOfTheirId) {
  RunsStage s;
  const auto id = value_of(s.runs.submit({.text = held_plan, .file = "plan.yaml"})).run;
  s.stage.gate.wait_for_a_call();
  EXPECT_EQ(value_of(s.runs.cancel("default", id.text.substr(0, 22), "enough")), id);
  EXPECT_EQ(s.server.end_of(id.text).status, engine::Status::cancelled);
}

TEST(CancellingRuns, CancelsOneWhoseProcessDied) {
  ServedStage stage;
  SystemRandom random;
  const auto runs_over = [&](Server& server) {
    return runs::Runs({.control = server.driver(),
                       .journal = *stage.ledger,
                       .index = *stage.ledger,
                       .objects = *stage.objects,
                       .clock = stage.clock,
                       .random = random},
                      {.frontends = {&stage.frontend}, .services = stage.signatures});
  };
  RunId id;
  {
    Server server(stage);
    id = value_of(runs_over(server).submit({.text = held_plan, .file = "plan.yaml"})).run;
    stage.gate.wait_for_a_call();
  }
  Server server(stage);
  auto runs = runs_over(server);
  EXPECT_EQ(value_of(runs.cancel("default", id.text, "enough")), id);
  EXPECT_EQ(server.end_of(id.text).status, engine::Status::cancelled);
  EXPECT_EQ(runs.cancel("default", id.text, "again").error().message,
            "run " + id.text + " has ended (cancelled) already; see `sluice show " + id.text + "`");
}

}  // namespace
}  // namespace sluice::test
