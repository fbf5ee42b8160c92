// What is known of service calls before a run, and which of them a run is certain to make.
#include "sluice/ir/known_calls.hpp"

#include "plans.hpp"
#include "sluice/base/json.hpp"

namespace sluice::ir {
namespace {

Signatures services() {
  return {{.name = "split",
           .version = "1.0.0",
           .inputs = {{.name = "learn", .type = *parse_type("integer"), .optional = true},
                      {.name = "from", .type = *parse_type("any"), .optional = true}}}};
}

/// One line per call: its line in the text, what is known of its inputs, and "certain" if it is.
std::string calls_of(const std::string& text, const Struct& inputs = {}) {
  const auto plan = plan_of(text);
  const auto signatures = services();
  std::string out;
  for (const auto& call : known_calls(plan, plan.pipelines.front(), inputs, signatures))
    out += std::to_string(call.at.line) + " " + to_json(call.inputs) + (call.certain ? " certain\n" : "\n");
  return out;
}

TEST(KnownCalls, KnowConstantsAndInputsOfTheirType) {
  Struct inputs;
  inputs.set("n", 3);
  inputs.set("word", "three");
  EXPECT_EQ(calls_of(R"(sluice: 1
pipelines:
  main:
    inputs: {n: {type: integer}, word: {type: any}, other: {type: integer, optional: true}}
    graph:
      a: {service: split, with: {learn: 2, from: "${inputs.n + 1}"}}
      b: {service: split, with: {learn: "${inputs.word}", from: "${a}"}}
      c: {service: split, with: {learn: "${inputs.other}"}}
      d: {call: inner, with: {n: "${inputs.n}"}}
  inner:
    inputs: {n: {type: integer}, fixed: {type: integer, default: 9}}
    graph:
      e: {service: split, with: {learn: "${inputs.n}", from: "${inputs.fixed}"}}
)",
                     inputs),
            "6 {\"learn\":2,\"from\":4} certain\n"
            "7 {} certain\n"
            "8 {} certain\n"
            "13 {\"learn\":3,\"from\":9} certain\n");
}

TEST(KnownCalls, AreNotCertainWhereSomethingDecidesAboutThem) {
  EXPECT_EQ(calls_of(R"(sluice: 1
pipelines:
  main:
    graph:
      a: {service: split, if: "${1 > 2}"}
      b: {service: split, fails: false}
      c: {branch: [{when: "${1 > 2}", graph: {d: {service: split}}}]}
      e: {each: [1], as: i, graph: {f: {service: split}}}
      g: {each: [1], as: i, tolerate: 1, graph: {h: {service: split}}}
      i: {graph: {j: {service: split}}}
      k: {call: inner, if: "${1 > 2}"}
  inner:
    graph: {l: {service: split}}
)"),
            "5 {}\n6 {}\n7 {}\n8 {} certain\n9 {}\n10 {} certain\n13 {}\n");
}

TEST(KnownCalls, AreNotCertainWhereSomethingRunsAfterAFailure) {
  const auto with_trigger = [](const std::string& trigger) {
    return calls_of("sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: split}\n" +
                    ("      b: {process: [x], after: [a], trigger: " + trigger + "}\n"));
  };
  EXPECT_EQ(with_trigger("succeeded"), "5 {} certain\n");
  EXPECT_EQ(with_trigger("none_failed"), "5 {} certain\n");
  for (const auto* trigger : {"completed", "any_failed", "any_succeeded"})
    EXPECT_EQ(with_trigger(trigger), "5 {}\n") << trigger;
}

}  // namespace
}  // namespace sluice::ir
