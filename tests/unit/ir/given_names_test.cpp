// Names that services get are checked before a run, where they are known.
#include "sluice/ir/given_names.hpp"

#include "plans.hpp"

namespace sluice::ir {
namespace {

std::optional<std::string> lower_case_only(std::string_view name) {
  for (const char c : name)
    if (c < 'a' || c > 'z') return "`" + std::string(name) + "` is not a valid name";
  return std::nullopt;
}

Signatures services() {
  return {{.name = "deploy",
           .version = "1.0.0",
           .inputs = {{.name = "name", .type = *parse_type("string"), .name_problem = lower_case_only},
                      {.name = "note", .type = *parse_type("string"), .optional = true}}}};
}

constexpr auto text = R"(sluice: 1
pipelines:
  main:
    inputs: {name: {type: string}, note: {type: string, optional: true}}
    graph:
      runs_first: {process: [/bin/true]}
      arm: {branch: [{when: "${1 > 2}", graph: {d: {service: deploy, with: {name: "my${inputs.name}", note: "X Y"}}}}]}
      sub: {call: inner, with: {given: "${inputs.name}"}}
      later: {service: deploy, with: {name: "${inputs.note}"}}
  inner:
    inputs: {given: {type: string}, fixed: {type: string, default: Fixed}}
    graph:
      a: {service: deploy, with: {name: "${inputs.given}"}}
      b: {service: deploy, with: {name: "${inputs.fixed}"}}
)";

std::string problems_for(const std::string& name) {
  const auto plan = plan_of(text);
  Struct inputs;
  inputs.set("name", name);
  const auto signatures = services();
  return syntax::render("p",
                        check_given_names(known_calls(plan, plan.pipelines.front(), inputs, signatures)));
}

TEST(GivenNames, AreCheckedInArmsAndCalledPipelines) {
  EXPECT_EQ(problems_for("B!"),
            "p:7:84: input `name` of service `deploy`: `myB!` is not a valid name\n"
            "p:13:51: input `name` of service `deploy`: `B!` is not a valid name\n"
            "p:14:51: input `name` of service `deploy`: `Fixed` is not a valid name\n");
  EXPECT_EQ(problems_for("fine"), "p:14:51: input `name` of service `deploy`: `Fixed` is not a valid name\n");
}

TEST(GivenNames, OfThePlanItselfAreProblemsOfThePlan) {
  const auto plan = plan_of(
      "sluice: 1\npipelines: {main: {graph: {d: {service: deploy, with: {name: My-Name, note: A B}}}}}\n");
  EXPECT_EQ(syntax::render("p", verify(plan, services())),
            "p:2:62: input `name` of service `deploy`: `My-Name` is not a valid name\n");
}

}  // namespace
}  // namespace sluice::ir
