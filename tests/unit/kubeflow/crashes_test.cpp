// The pipelines of kfp, as plans: those of tests/golden/kubeflow, and what the compiler made of those of
// tests/conformance/kfp. Each is run with scripted tasks, once when all succeed and once when some fail,
// and crashed after every decision: it must replay to the same state and end the same, as the reference of
// the simulation says.
#include <fstream>
#include <iterator>
#include <set>

#include "../../golden_case.hpp"
#include "../../result_assertions.hpp"
#include "../../sim/reference.hpp"
#include "../engine/scripted_run.hpp"
#include "sluice/base/json.hpp"
#include "sluice/frontends/kubeflow/kubeflow_frontend.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::test {
namespace {

std::string text_of(const std::string& name) {
  if (name.ends_with(".case")) return GoldenCase(name).section("input");
  std::ifstream in(golden_folder() / name);
  const std::string json{std::istreambuf_iterator<char>(in), {}};
  const auto recorded = value_of(parse_json(json, name));
  std::string text;
  for (const auto& line : *recorded.find("compiled")->if_list()) text += *line.if_string() + "\n";
  return text;
}

std::vector<std::string> pipelines() {
  std::vector<std::string> names;
  for (const auto& name : golden_cases("kubeflow"))
    if (GoldenCase(name).has("plan")) names.push_back(name);
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder() / "recorded/kubeflow"))
    names.push_back("recorded/kubeflow/" + entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

Value any_of(const ir::Type& type) {
  switch (type.kind) {
    case ir::Type::Kind::integer: return 1;
    case ir::Type::Kind::number: return 0.5;
    case ir::Type::Kind::boolean: return true;
    case ir::Type::Kind::list: return List{1, 2};
    case ir::Type::Kind::structure: return Struct{};
    default: return "given";
  }
}

struct Prepared {
  std::shared_ptr<const ir::Plan> plan;
  Struct inputs;
};

Prepared prepare(const std::string& name) {
  auto lowered = value_of(frontends::KubeflowFrontend().lower(text_of(name), name, {}));
  EXPECT_TRUE(lowered.problems.empty()) << syntax::render(name, lowered.problems);
  EXPECT_EQ(syntax::render(name, ir::verify(lowered.plan, {})), "");
  const auto plan = std::make_shared<const ir::Plan>(std::move(lowered.plan));
  Struct given;
  for (const auto& input : plan->find("main")->inputs)
    if (!input.optional && !input.value) given.set(input.name, any_of(input.type));
  return {.plan = plan, .inputs = value_of(ir::bind_inputs(*plan->find("main"), given, false))};
}

/// The paths of all attempts.
std::set<std::string> attempts_of(const ScriptedRun& run) {
  std::set<std::string> paths;
  for (const auto& batch : run.batches())
    for (const auto& event : batch) {
      const auto json = value_of(parse_json(event, "event"));
      if (json.text_at("t") == "scheduled") paths.insert(json.text_at("path"));
    }
  return paths;
}

/// All succeed; and one in three fails, each of those that are called so, and another third at first.
std::vector<Script> scripts_for(const Prepared& prepared) {
  ScriptedRun whole(prepared.plan, prepared.inputs, Struct{});
  whole.go();
  Struct failures;
  int number = 0;
  for (const auto& path : attempts_of(whole)) {
    if (path.contains("fail") || number % 3 == 1)
      failures.set(path, List{"fail", "lost", "fail", "fail"});
    else if (number % 3 == 2)
      failures.set(path, List{"lost", "fail"});
    ++number;
  }
  std::vector<Script> scripts{Struct{}};
  if (!failures.empty()) scripts.emplace_back(std::move(failures));
  return scripts;
}

class Kubeflow : public testing::TestWithParam<std::string> {};

TEST_P(Kubeflow, EndsTheSameAfterACrashAtAnyDecision) {
  const auto prepared = prepare(GetParam());
  for (const auto& script : scripts_for(prepared)) {
    ScriptedRun whole(prepared.plan, prepared.inputs, script);
    whole.go();
    ASSERT_TRUE(whole.run().ended());
    sim::History history;
    sim::Moment moment = 0;
    history.add(moment++, whole.created());
    for (const auto& batch : whole.batches())
      for (const auto& text : batch) history.add(moment++, *engine::decode(text));
    EXPECT_NO_THROW(sim::Reference(*prepared.plan, history).check());
    for (std::size_t crash = 1; crash < whole.batches().size(); ++crash) {
      ScriptedRun run(prepared.plan, prepared.inputs, script);
      run.go(crash);
      const auto before = run.run().fingerprint();
      run.crash_and_replay(crash);
      ASSERT_EQ(before.hex(), run.run().fingerprint().hex()) << "after decision " << crash;
      run.go();
      ASSERT_TRUE(run.run().ended()) << "after decision " << crash;
      EXPECT_EQ(run.run().result()->status, whole.run().result()->status) << "after decision " << crash;
      EXPECT_EQ(to_json(run.run().result()->outputs), to_json(whole.run().result()->outputs))
          << "after decision " << crash;
      EXPECT_EQ(run.started(), whole.started()) << "an attempt ran twice, or never, after decision " << crash;
    }
  }
}

/// With its folder: a golden case and a recording may have one name.
std::string name_of(const testing::TestParamInfo<std::string>& info) {
  return (info.param.starts_with("recorded/") ? "recorded_" : "golden_") + golden_name(info);
}

INSTANTIATE_TEST_SUITE_P(Pipelines, Kubeflow, testing::ValuesIn(pipelines()), name_of);

TEST(Pipelines, AreFound) { EXPECT_GT(pipelines().size(), 50U); }

}  // namespace
}  // namespace sluice::test
