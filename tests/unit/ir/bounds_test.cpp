// Large and hostile plans: processing takes time proportional to their size, and does not overflow the stack.
#include <algorithm>

#include "plans.hpp"
#include "result_assertions.hpp"
#include "sluice/ir/dependencies.hpp"

namespace sluice::ir {
namespace {

Operation process(std::string name, std::vector<std::string> args) {
  Operation op;
  op.name = std::move(name);
  Process what;
  what.argv.push_back(syntax::Expression::of("run"));
  for (const auto& arg : args) what.argv.push_back(*syntax::parse_scalar(arg, {}));
  TaskOutput output;
  output.name = "o";
  what.outputs.push_back(std::move(output));
  op.what = std::move(what);
  return op;
}

Plan chain(std::size_t length) {
  Plan plan;
  auto& main = plan.pipelines.emplace_back();
  main.name = "main";
  for (std::size_t i = 0; i < length; ++i)
    main.body.operations.push_back(process(
        "t" + std::to_string(i), i > 0 ? std::vector<std::string>{"${t" + std::to_string(i - 1) + ".o}"}
                                       : std::vector<std::string>{}));
  return plan;
}

TEST(Bounds, ALongChainIsVerifiedAndPrinted) {
  const auto plan = chain(20'000);
  EXPECT_TRUE(verify(plan, {}).empty());
  const auto text = print_plan(plan);
  const auto again = parse_plan(text, "plan.yaml");
  ASSERT_TRUE(again);
  EXPECT_TRUE(print_plan(again->plan) == text);
  EXPECT_EQ(dependencies_of(plan.pipelines[0].body).downstream[0], std::vector<std::size_t>{1});
}

TEST(Bounds, ALongChainThatIsACircle) {
  auto plan = chain(20'000);
  plan.pipelines[0].body.operations[0].after.emplace_back("t19999", Location{});
  const auto problems = verify(plan, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message,
            "cycle: `t0` waits for `t19999`, `t19999` waits for `t19998`, `t19998` waits for `t19997`, "
            "`t19997` waits for `t19996`, "
            "`t19996` waits for `t19995`, `t19995` waits for `t19994`, `t19994` waits for `t19993`, and so "
            "on through 19992 more, "
            "`t1` waits for `t0`");
}

TEST(Bounds, ManyUnknownNames) {
  Plan plan;
  auto& main = plan.pipelines.emplace_back();
  main.name = "main";
  for (std::size_t i = 0; i < 20'000; ++i)
    main.body.operations.push_back(process("t" + std::to_string(i), {"${u" + std::to_string(i) + ".o}"}));
  EXPECT_EQ(verify(plan, {}).size(), 20'000U);
}

Plan nested(std::size_t depth, std::size_t width) {
  Plan plan;
  auto& main = plan.pipelines.emplace_back();
  main.name = "main";
  auto* region = &main.body;
  for (std::size_t d = 1; d < depth; ++d) {
    for (std::size_t i = 0; i < width; ++i)
      region->operations.push_back(
          process("t" + std::to_string(d) + "_" + std::to_string(i), {d > 1 ? "${t1_0.o}" : "x"}));
    auto& op = region->operations.emplace_back();
    op.name = "b" + std::to_string(d);
    op.what = Block{std::make_unique<Region>()};
    region = std::get<Block>(op.what).region.get();
  }
  return plan;
}

TEST(Bounds, DeepRegions) {
  const auto plan = nested(200, 40);
  EXPECT_TRUE(verify(plan, {}).empty());
  const auto text = print_plan(plan);
  const auto again = parse_plan(text, "plan.yaml");
  ASSERT_OK(again);
  EXPECT_EQ(syntax::render("plan.yaml", again->problems), "");
  EXPECT_TRUE(print_plan(again->plan) == text);
}

TEST(Bounds, RegionsThatAreTooDeep) {
  const auto plan = nested(250, 1);
  const auto problems = verify(plan, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "regions nest more than 200 deep; split this into pipelines");
  const auto again = parse_plan(print_plan(plan), "plan.yaml");
  ASSERT_TRUE(again);
  ASSERT_EQ(again->problems.size(), 1U);
  EXPECT_EQ(again->problems[0].message, "regions nest more than 200 deep; split this into pipelines");
}

// Only nesting counts.
TEST(Bounds, ManyRegionsBesideEachOther) {
  std::string graph;
  for (int i = 0; i < 250; ++i) graph += "b" + std::to_string(i) + ": {graph: {}}, ";
  EXPECT_EQ(
      plan_of("sluice: 1\npipelines: {main: {graph: {" + graph + "}}}").pipelines[0].body.operations.size(),
      250U);
}

/// Regions around this operation, as text.
std::string nested_text(std::size_t depth, const std::string& innermost) {
  std::string text = innermost;
  for (std::size_t d = 1; d < depth; ++d) text = "graph: {b" + std::to_string(d) + ": {" + text + "}}";
  return "sluice: 1\npipelines: {main: {" + text + "}}\n";
}

TEST(Bounds, AnArmThatCannotBeReadIsCountedWhereItIs) {
  const auto read = parse_plan(nested_text(201, "branch: [5]"), "plan.yaml");
  ASSERT_OK(read);
  ASSERT_EQ(read->problems.size(), 1U);
  EXPECT_EQ(read->problems[0].message, "an arm of `branch` should be a map, not an integer");
  const auto problems = verify(read->plan, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "regions nest more than 200 deep; split this into pipelines");
  EXPECT_EQ(problems[0].at, read->problems[0].at);
}

TEST(Bounds, RecursionIsFoundInDeepRegions) {
  auto plan = nested(200, 0);
  auto* region = &plan.pipelines[0].body;
  while (!region->operations.empty()) region = std::get<Block>(region->operations[0].what).region.get();
  auto& op = region->operations.emplace_back();
  op.name = "again";
  op.what = PipelineCall{"main", {}};
  const auto problems = verify(plan, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message, "recursive pipelines are not allowed: `main` calls itself");
}

TEST(Bounds, ManyUnknownNamesAreSearchedForOnlyAtFirst) {
  Plan plan;
  auto& main = plan.pipelines.emplace_back();
  main.name = "main";
  for (std::size_t i = 0; i < 200; ++i) {
    auto& op = main.body.operations.emplace_back(process("name" + std::to_string(i), {}));
    op.after.emplace_back("nam" + std::to_string(i), Location{});
  }
  const auto problems = verify(plan, {});
  ASSERT_EQ(problems.size(), 200U);
  const auto suggested = std::ranges::count_if(
      problems, [](const auto& problem) { return problem.message.contains("did you mean"); });
  EXPECT_EQ(suggested, 100);
}

TEST(Bounds, ValuesThatAreTooDeep) {
  const auto problems_of = [](std::size_t depth) {
    const auto value = std::string(depth, '[') + R"("${run.id}")" + std::string(depth, ']');
    const auto read = parse_plan(
        "sluice: 1\npipelines: {main: {graph: {a: {service: image.embed, with: {pictures: " + value + "}}}}}",
        "plan.yaml");
    return read ? syntax::render("plan.yaml", read->problems) : read.error().message;
  };
  EXPECT_EQ(problems_of(198), "");
  EXPECT_NE(problems_of(199), "");
  EXPECT_EQ(problems_of(300), "plan.yaml:2:71: this value is more than 200 deep; split it\n");
}

TEST(Bounds, NamesThatAreTooLong) {
  const auto problems_of = [](std::size_t length) {
    const auto read =
        parse_plan("sluice: 1\npipelines: {main: {graph: {" + std::string(length, 'a') + ": {graph: {}}}}}",
                   "plan.yaml");
    return read ? syntax::render("plan.yaml", read->problems) : read.error().message;
  };
  EXPECT_EQ(problems_of(250), "");
  EXPECT_EQ(problems_of(251),
            "plan.yaml:2:28: the name of an operation should have 1 to 250 bytes, not 251\n");
}

TEST(Bounds, ManyPipelinesThatCallEachOther) {
  Plan plan;
  constexpr std::size_t count = 10'000;
  for (std::size_t i = 0; i < count; ++i) {
    auto& pipeline = plan.pipelines.emplace_back();
    pipeline.name = i == 0 ? "main" : "p" + std::to_string(i);
    if (i + 1 == count) break;
    auto& op = pipeline.body.operations.emplace_back();
    op.name = "next";
    op.what = PipelineCall{"p" + std::to_string(i + 1), {}};
  }
  EXPECT_TRUE(verify(plan, {}).empty());
}

TEST(Dot, DrawsRegionsAsBoxes) {
  const auto plan = plan_of(
      "sluice: 1\npipelines: {main: {graph: {a: {process: [run]}, b: {each: '${a.o}', as: i, graph: {c: "
      "{process: [run, '${i}']}}}}}}");
  EXPECT_EQ(print_dot(plan), R"dot(digraph plan {
  compound=true; rankdir=LR; node [shape=box, style=rounded, fontname=sans]; fontname=sans;
  subgraph cluster_1 { label="main";
    n2 [label="a\nrun"];
    subgraph cluster_4 { label="b\neach ${a.o}";
      n3 [shape=point, style=invis];
      n5 [label="c\nrun"];
    }
    n2 -> n3 [lhead=cluster_4];
  }
}
)dot");
}

TEST(Dot, LabelsArmsWithTheirConditions) {
  const auto plan = plan_of(
      "sluice: 1\npipelines: {main: {graph: {a: {process: [run]}, c: {branch: [{when: '${a.ok}', graph: {b: "
      "{process: ['\"quoted\" \\']}}}, {when: '${a.no}', graph: {}}, {else: {graph: {}}}]}}}}");
  EXPECT_EQ(print_dot(plan), R"dot(digraph plan {
  compound=true; rankdir=LR; node [shape=box, style=rounded, fontname=sans]; fontname=sans;
  subgraph cluster_1 { label="main";
    n2 [label="a\nrun"];
    subgraph cluster_4 { label="c\nbranch";
      n3 [shape=point, style=invis];
      subgraph cluster_5 { label="when ${a.ok}";
        n6 [label="b\n\"quoted\" \\"];
      }
      subgraph cluster_7 { label="when ${a.no}";
      }
      subgraph cluster_8 { label="else";
      }
    }
    n2 -> n3 [lhead=cluster_4];
  }
}
)dot");
}

TEST(Plan, IsPrintedEvenIfItIsEmptyOrPartsOfItCouldNotBeRead) {
  EXPECT_EQ(print_plan({}), "sluice: 1\npipelines: {}\n");
  const auto read = parse_plan("sluice: 1\npipelines: {main: {graph: {a: [run]}}}", "plan.yaml");
  ASSERT_OK(read);
  EXPECT_EQ(read->problems.size(), 1U);
  EXPECT_EQ(print_plan(read->plan),
            "sluice: 1\npipelines:\n  main:\n    graph:\n      a:\n        graph: {}\n");
}

// YAML has no map with the same key twice; a front-end could make such a plan.
TEST(Plan, DeclaresEachNameOnce) {
  Plan plan;
  auto& main = plan.pipelines.emplace_back();
  main.name = "main";
  main.inputs.resize(2, {.name = "i"});
  main.outputs.resize(2, {.name = "o"});
  main.body.operations.push_back(process("a", {}));
  main.body.operations.push_back(process("a", {}));
  plan.pipelines.emplace_back().name = "main";
  EXPECT_EQ(syntax::render("plan", verify(plan, {})),
            "plan: `a` is declared twice; choose another name\n"
            "plan: input `i` is declared twice; choose another name\n"
            "plan: output `o` is declared twice; choose another name\n"
            "plan: pipeline `main` is declared twice; choose another name\n");
}

TEST(Plan, IsFoundByNameAndDigestedByItsText) {
  const auto plan = plan_of("sluice: 1\npipelines: {main: {graph: {}}, other: {graph: {}}}");
  ASSERT_NE(plan.find("other"), nullptr);
  EXPECT_EQ(plan.find("none"), nullptr);
  EXPECT_EQ(plan_digest(plan),
            Digest::of("sluice: 1\npipelines:\n  main:\n    graph: {}\n  other:\n    graph: {}\n"));
}

TEST(StoredPlan, IsReadBackAsItWas) {
  const auto plan = plan_of("sluice: 1\npipelines: {main: {graph: {a: {process: [run]}}}}");
  const auto again = read_plan(print_plan(plan));
  ASSERT_OK(again);
  EXPECT_EQ(print_plan(**again), print_plan(plan));
}

TEST(StoredPlan, IsOurFaultIfItIsDamaged) {
  const auto problem = [](std::string_view text) {
    const auto plan = read_plan(text);
    EXPECT_FALSE(plan) << text;
    if (plan) return std::string();
    EXPECT_EQ(plan.error().code, Code::data_loss) << text;
    EXPECT_EQ(plan.error().blame, Blame::sluice) << text;
    return plan.error().message;
  };
  EXPECT_NE(problem(""), "");
  EXPECT_NE(problem("pipelines: ["), "");
  EXPECT_EQ(problem("hello"), "stored plan:1:1: a plan should be a map, not `hello`");
  EXPECT_EQ(problem("sluice: 1\npipelines: 3\n"),
            "stored plan:2:12: `pipelines` should be a map, not an integer");
}

}  // namespace
}  // namespace sluice::ir
