// When an operation begins, and what its expressions are worth: errors, values of another type, absent
// values.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_runs.hpp"

namespace sluice::engine {
namespace {

using testing::StartsWith;

TEST(Expressions, AnErrorFailsTheOperationThatHasIt) {
  const std::string process = "process: [run], cache: off";
  for (const std::string operation : {
           "process: [run, '${run.no}']",
           "process: [run], env: {A: '${run.no}'}",
           "process: [run], cache: {key: '${run.no}'}",
           "process: [run], resources: {cpu: '${run.no}'}",
           "process: [run], if: '${run.no}'",
           "process: [run], yield: {o: '${run.no}'}",
           "service: test.effect, with: {a: '${run.no}'}",
           "call: inner, with: {a: '${run.no}'}",
           "each: '${run.no}', as: i, graph: {t: {process: [run]}}",
           "each: [1], limit: '${run.no}', as: i, graph: {t: {process: [run]}}",
           "branch: [{when: '${run.no}', graph: {t: {process: [run]}}}]",
           "raise: '${run.no}'",
       }) {
    SCOPED_TRACE(operation);
    const Ran ran("  main:\n    graph:\n      x: {" + operation +
                  "}\n  inner: {inputs: {a: {type: any, optional: true}}, graph: {t: {process: [run]}}}\n");
    EXPECT_EQ(ran.ends.at("x"), "failed key: no key `no`");
    EXPECT_THAT(ran.ends.at(""), StartsWith("failed key"));
  }
}

TEST(Expressions, AnErrorInTheLimitOfAGraphFailsWhatItWouldHoldBack) {
  const Ran ran("  main:\n    limit: '${run.no}'\n    graph: {x: {process: [run]}}\n");
  EXPECT_EQ(ran.ends.at("x"), "failed key: no key `no`");
}

TEST(Expressions, AValueOfAnotherTypeFailsTheOperation) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"process: [run], if: '${1}'", "type: `if` must be true or false, not integer"},
      {"branch: [{when: '${1}', graph: {t: {process: [run]}}}]",
       "type: `when` must be true or false, not integer"},
      {"each: '${1}', as: i, graph: {t: {process: [run]}}", "type: `each` needs a list, not integer"},
      {"each: \"${get({}, 'x')}\", as: i, graph: {t: {process: [run]}}",
       "type: `each` needs a list, not an absent value"},
      {"each: [1], limit: '${0}', as: i, graph: {t: {process: [run]}}",
       "value: `limit` must be an integer of at least 1"},
      {"each: [1], limit: '${true}', as: i, graph: {t: {process: [run]}}",
       "value: `limit` must be an integer of at least 1"},
      {"process: [\"${get({}, 'x')}\"]", "start: the command has no program: every argument is absent"},
  };
  for (const auto& [operation, failure] : cases) {
    SCOPED_TRACE(operation);
    const Ran ran("      x: {" + operation + "}\n");
    EXPECT_EQ(ran.ends.at("x"), "failed " + failure);
  }
}

TEST(Expressions, AConditionThatIsAbsentSkips) {
  EXPECT_EQ(Ran("      x: {process: [run], if: \"${get({}, 'x')}\"}\n").ends.at("x"), "skipped");
  const Ran ran(
      "      x: {branch: [{when: \"${get({}, 'x')}\", graph: {a: {process: [run]}}}, "
      "{else: {graph: {b: {process: [run]}}}}]}\n");
  EXPECT_TRUE(ran.ends.contains("x{1}/b"));
  EXPECT_FALSE(ran.ends.contains("x{0}/a"));
}

TEST(Expressions, AListIsSeveralArguments) {
  EXPECT_EQ(Ran("      x: {process: [run, '${[1, 2]}', '${[]}', last]}\n").calls.at("x"),
            R"({"argv":["run",1,2,"last"]})");
}

TEST(Expressions, TheCacheKeyIsPartOfTheCall) {
  EXPECT_EQ(Ran("      x: {process: [run], cache: {key: '${7}'}}\n").calls.at("x"),
            R"({"argv":["run"],"cache_key":7})");
  EXPECT_EQ(Ran("      x: {process: [run], cache: {key: \"${get({}, 'x')}\"}}\n").calls.at("x"),
            R"({"argv":["run"],"cache_key":null})");
}

TEST(Expressions, TheRunIsVisible) {
  EXPECT_EQ(Ran("      x: {process: [run, '${run.id}', '${run.name}', '${run.workspace}']}\n").calls.at("x"),
            R"({"argv":["run","run-1","case","default"]})");
}

TEST(Absence, AnArgumentWithoutItsProducerEndsItsReader) {
  const std::string producer = "process: [run, '${out.o}'], outputs: {o: {type: string}}";
  const std::string readers =
      "      argument: {process: [run, '${p.o}'], trigger: completed}\n"
      "      variable: {process: [run], env: {A: '${p.o}'}, trigger: completed}\n";
  const Ran skipped("      p: {" + producer + ", if: '${false}'}\n" + readers);
  EXPECT_EQ(skipped.ends.at("argument"), "skipped");
  EXPECT_EQ(skipped.ends.at("variable"), "skipped");
  const Ran failed("      p: {" + producer + "}\n" + readers, R"({"p": ["fail"]})");
  EXPECT_EQ(failed.ends.at("argument"), "blocked");
  EXPECT_EQ(failed.ends.at("variable"), "blocked");
}

TEST(Absence, AnOptionalInputOrOutputIsLeftOut) {
  const Ran ran(
      "  main:\n    inputs: {note: {type: string, optional: true}}\n    graph:\n"
      "      x: {process: [run, '${inputs.note}', last], env: {A: '${inputs.note}'}}\n");
  EXPECT_EQ(ran.calls.at("x"), R"({"argv":["run","last"]})");
}

TEST(Absence, OfAnOutputIsNoErrorOfAnotherFieldIs) {
  // `self`, `inputs` and an operation have the outputs that were produced; a loop's variable is a value.
  const std::string task = "      x: {process: [run], yield: {o: \"${default(";
  EXPECT_EQ(Ran(task + "self.no, 1)}\"}}\n").ends.at("x"), "succeeded");
  EXPECT_EQ(Ran(task + "inputs.no, 1)}\"}}\n").ends.at("x"), "succeeded");
  EXPECT_EQ(Ran(task + "run.no, 1)}\"}}\n").ends.at("x"), "failed key: no key `no`");
  const Ran loop(
      "      x: {each: [{a: 1}], as: item, graph: {t: {process: [run, \"${default(item.no, 1)}\"]}}}\n");
  EXPECT_EQ(loop.ends.at("x[0]/t"), "failed key: no key `no`");
  const Ran retried("      x: {process: [run], retry: {limit: 1, when: \"${default(error.no, true)}\"}}\n",
                    R"({"x": ["fail"]})");
  EXPECT_EQ(retried.attempts.at("x"), 1);
}

TEST(Absence, OfAStatusAndAnError) {
  const Ran ran(
      "      good: {process: [run, good]}\n"
      "      slow: {process: [run, slow], timeout: 1h}\n"
      "      x: {process: [run, \"${default(status(slow), 'none')}\", \"${default(error(good), 'none')}\"], "
      "after: [good, slow], trigger: any_succeeded}\n",
      R"({"slow": ["never"]})");
  EXPECT_EQ(ran.calls.at("x"), R"({"argv":["run","none","none"]})");
}

TEST(Names, OfTheSurroundingRegionsAreVisibleUpToThePipeline) {
  const Ran ran(
      "  main:\n    graph:\n"
      "      a: {process: [run, a]}\n"
      "      loop: {each: [1], as: i, after: [a], graph: {group: {graph: {t: {process: [run, "
      "'${status(a)}']}}}}}\n"
      "      called: {call: inner, after: [a]}\n"
      "  inner:\n    graph:\n      t: {process: [run, \"${default(status(a), 'none')}\"]}\n");
  EXPECT_EQ(ran.calls.at("loop[0]/group/t"), R"({"argv":["run","succeeded"]})");
  EXPECT_EQ(ran.calls.at("called/t"), R"({"argv":["run","none"]})");
}

TEST(Names, OfALoopAreItsItemAndItsIndex) {
  const Ran ran(
      "      x: {each: [a, b], as: item, index: i, graph: {t: {process: [run, '${item}', '${i}']}}}\n");
  EXPECT_EQ(ran.calls.at("x[1]/t"), R"({"argv":["run","b",1]})");
}

TEST(Triggers, AreAboutAllOfTheUpstream) {
  const std::string upstream =
      "      good: {process: [run, good]}\n"
      "      bad: {process: [run, bad], fails: false}\n"
      "      not: {process: [run, not], if: '${false}'}\n"
      "      nor: {process: [run, nor], if: '${false}'}\n";
  const std::string script = R"({"bad": ["fail"]})";
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
      // trigger, and the end after: good; bad; not; good and not; bad and not; not and nor; good and bad
      {"succeeded", {"succeeded", "blocked", "skipped", "skipped", "blocked", "skipped", "blocked"}},
      {"none_failed", {"succeeded", "blocked", "succeeded", "succeeded", "blocked", "succeeded", "blocked"}},
      {"completed",
       {"succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "succeeded"}},
      {"any_succeeded", {"succeeded", "blocked", "skipped", "succeeded", "blocked", "skipped", "succeeded"}},
      {"any_failed", {"skipped", "succeeded", "skipped", "skipped", "succeeded", "skipped", "succeeded"}},
  };
  const std::vector<std::string> after{"good",     "bad",      "not",      "good, not",
                                       "bad, not", "not, nor", "good, bad"};
  for (const auto& [trigger, ends] : cases)
    for (std::size_t i = 0; i < after.size(); ++i) {
      const Ran ran(upstream + "      x: {process: [run], after: [" + after[i] + "], trigger: " + trigger +
                        ", fails: false}\n",
                    script);
      EXPECT_EQ(ran.ends.at("x"), ends[i]) << trigger << " after " << after[i];
    }
}

TEST(GraphLimit, BelowOneIsNone) {
  for (const std::string limit : {"0", "-1"}) {
    const Live live("  main:\n    limit: " + limit +
                    "\n    graph: {a: {process: [run]}, b: {process: [run]}}\n");
    EXPECT_EQ(live.running.size(), 2U);
  }
  const Live live("  main:\n    limit: 1\n    graph: {a: {process: [run]}, b: {process: [run]}}\n");
  EXPECT_EQ(live.running.size(), 1U);
}

TEST(Limits, OfTheItemsOfAnEachIsTheLargestNumber) {
  const auto ran = [](int items) {
    return Live("  main:\n    graph:\n      x: {each: '${range(" + std::to_string(items) +
                    ")}', as: i, graph: {t: {process: [run]}}}\n",
                {.items = 3});
  };
  EXPECT_EQ(ran(3).running.size(), 3U);
  const auto failed = ran(4);
  ASSERT_TRUE(failed.run.ended());
  EXPECT_EQ(failed.run.result()->failure.message,
            "`each` takes at most 3 items, and this list has 4; group several values into each item");
}

}  // namespace
}  // namespace sluice::engine
