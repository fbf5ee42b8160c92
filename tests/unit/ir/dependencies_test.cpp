#include "sluice/ir/dependencies.hpp"

#include "plans.hpp"

namespace sluice::ir {
namespace {

/// The edges as text. "b<-a!": b reads a strictly; "?": absence is accepted; "~": `after` or status().
std::string edges(const Region& region) {
  std::string text;
  const auto dependencies = dependencies_of(region);
  for (std::size_t i = 0; i < region.operations.size(); ++i)
    for (const auto& up : dependencies.upstream[i])
      text += region.operations[i].name + "<-" + region.operations[up.operation].name +
              (up.operand ? "!"
               : up.after ? ""
                          : "?") +
              (up.after ? "~" : "") + " ";
  return text;
}

std::string edges_of(const std::string& graph) {
  return edges(plan_of("sluice: 1\npipelines: {main: {graph: " + graph + "}}").pipelines[0].body);
}

TEST(Dependencies, ReadsStrictAndLenient) {
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {process: ['${a.o}']}}"), "b<-a! ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {process: ['${default(a.o, 1)}']}}"), "b<-a? ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {process: ['${first(a.o, a.p)}', '${a.q}']}}"), "b<-a! ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {process: [x], if: \"${status(a) == 'failed'}\"}}"), "b<-a~ ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {process: [x, '${a.o}'], after: [a]}}"), "b<-a!~ ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, c: {process: [x]}, b: {process: ['${if(a.ok, c.x, c.y)}']}}"),
            "b<-a! b<-c? ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, c: {process: [x]}, b: {process: [x], if: '${a.ok and c.ok}'}}"),
            "b<-a! b<-c? ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {service: s, with: {list: ['${a.o}']}}}"), "b<-a? ");
}

TEST(Dependencies, OfAnExpressionAnywhereInAnOperation) {
  for (const std::string operation : {
           "process: [x, '${a.o}']",
           "process: [x], env: {A: '${a.o}'}",
           "process: [x], timeout: '${a.o}'",
           "process: [x], cache: {key: '${a.o}'}",
           "process: [x], resources: {cpu: '${a.o}'}",
           "process: [x], retry: {limit: '${a.o}'}",
           "process: [x], retry: {limit: 1, when: '${a.o}'}",
           "process: [x], if: '${a.o}'",
           "process: [x], yield: {o: '${a.o}'}",
           "service: s, with: {v: '${a.o}'}",
           "call: p, with: {v: '${a.o}'}",
           "each: '${a.o}', as: i, graph: {c: {process: [x]}}",
           "each: [1], as: i, limit: '${a.o}', graph: {c: {process: [x]}}",
           "branch: [{when: '${a.o}', graph: {c: {process: [x]}}}]",
           "graph: {c: {process: [x]}}, limit: '${a.o}'",
           "raise: '${a.o}'",
       })
    EXPECT_TRUE(edges_of("{a: {process: [x]}, b: {" + operation + "}}").starts_with("b<-a")) << operation;
}

TEST(Dependencies, InnerReadsAreTheHoldersOwn) {
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {graph: {c: {graph: {d: {process: ['${a.o}']}}}}}}"), "b<-a! ");
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {each: '${range(2)}', as: i, graph: {c: {process: ['${i}']}}, "
                     "yield: {o: '${a.o}'}}}"),
            "b<-a? ");
  // Names of inner regions, and the operations that read them, do not affect the outer region.
  EXPECT_EQ(edges_of("{b: {graph: {a: {process: [x]}, c: {process: ['${a.o}']}}}, a: {process: [x]}}"), "");
  EXPECT_EQ(edges_of("{i: {process: [x]}, b: {each: [1], as: v, index: i, graph: {c: {process: ['${i}']}}}}"),
            "");
}

// A plan that was not verified may reuse a name.
TEST(Dependencies, ANameIsHiddenOnlyInsideTheRegionThatReusesIt) {
  EXPECT_EQ(edges_of("{a: {process: [x]}, b: {graph: {c: {graph: {a: {process: ['${a.o}']}}}}}}"), "");
  EXPECT_EQ(edges_of("{a: {process: [x]}, "
                     "b: {graph: {c: {graph: {a: {process: [x]}}}, d: {process: ['${a.o}']}}}}"),
            "b<-a! ");
}

TEST(Dependencies, BothEnds) {
  const auto plan = plan_of(
      "sluice: 1\npipelines: {main: {graph: {a: {process: [x]}, b: {process: ['${a.o}']}, c: {process: [x], "
      "after: [a, b]}}}}");
  const auto dependencies = dependencies_of(plan.pipelines[0].body);
  EXPECT_EQ(dependencies.downstream, (std::vector<std::vector<std::size_t>>{{1, 2}, {2}, {}}));
  EXPECT_EQ(dependencies.upstream[2].size(), 2U);
}

}  // namespace
}  // namespace sluice::ir
