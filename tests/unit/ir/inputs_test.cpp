#include <cmath>
#include <limits>
#include <vector>

#include "plans.hpp"
#include "sluice/base/json.hpp"
#include "sluice/ir/duration.hpp"
#include "sluice/ir/resources.hpp"

namespace sluice::ir {
namespace {

class Inputs : public testing::Test {
 protected:
  Plan plan_ = plan_of(R"(
sluice: 1
pipelines:
  main:
    inputs:
      pictures: {type: artifact, kind: directory}
      seed: {type: integer, default: 7}
      rate: {type: number, optional: true}
      rows: {type: list<integer>, optional: true}
      options: {type: struct, optional: true}
      fast: {type: boolean, optional: true}
      whatever: {type: any, optional: true}
    graph: {}
)");
  std::string bound(Struct given, bool from_text) {
    const auto result = bind_inputs(plan_.pipelines[0], given, from_text);
    return result ? to_json(Value(*result)) : result.error().message;
  }
  std::string from_line(const std::string& name, const std::string& text) {
    Struct given;
    given.set("pictures", "dir");
    given.set(name, text);
    const auto result = bind_inputs(plan_.pipelines[0], given, true);
    return result ? to_json(*result->find(name)) : result.error().message;
  }
};

TEST_F(Inputs, FillInDefaultsAndLeaveOutWhatIsOptional) {
  Struct given;
  given.set("pictures", "dir");
  EXPECT_EQ(bound(given, true), R"({"pictures":"dir","seed":7})");
}

TEST_F(Inputs, AreReadFromTheCommandLine) {
  EXPECT_EQ(from_line("seed", "9"), "9");
  EXPECT_EQ(from_line("rate", "1"), "1");
  EXPECT_EQ(from_line("rate", "0.5"), "0.5");
  EXPECT_EQ(from_line("fast", "true"), "true");
  EXPECT_EQ(from_line("rows", "[1, 2]"), "[1,2]");
  EXPECT_EQ(from_line("options", R"({"a": 1})"), R"({"a":1})");
  EXPECT_EQ(from_line("whatever", "3"), "3");
  EXPECT_EQ(from_line("whatever", "three"), R"("three")");
}

TEST_F(Inputs, AreNeverAnotherNumberThanTheOneThatIsWritten) {
  EXPECT_EQ(from_line("rate", "1e-3"), "0.001");
  EXPECT_EQ(
      from_line("rate", "123456789012345678901234567890"),
      "input `rate`: `123456789012345678901234567890` would be read as 1.2345678901234568e+29; write that");
  EXPECT_EQ(
      from_line("whatever", "72225e2"),
      "input `whatever`: `72225e2` would be read as 7222500.0; write that, or `\"72225e2\"` if it is text");
  EXPECT_EQ(from_line("whatever", "3.10"),
            "input `whatever`: `3.10` would be read as 3.1; write that, or `\"3.10\"` if it is text");
  EXPECT_EQ(from_line("whatever", "\"3.10\""), "\"3.10\"");
  EXPECT_EQ(from_line("whatever", "01443e5"), "\"01443e5\"");
  EXPECT_EQ(from_line("whatever", "-3"), "-3");
  EXPECT_EQ(from_line("whatever", "0.5"), "0.5");
}

TEST_F(Inputs, SayWhatIsWrong) {
  EXPECT_EQ(bound({}, true), "input `pictures`: it is missing; give it with --input pictures=VALUE");
  EXPECT_EQ(from_line("sead", "1"), "unknown input `sead` of pipeline `main`; did you mean `seed`?");
  EXPECT_EQ(from_line("seed", "seven"), "input `seed`: `seven` is not an integer");
  EXPECT_EQ(from_line("rate", "fast"), "input `rate`: `fast` is not a number");
  EXPECT_EQ(from_line("fast", "yes"), "input `fast`: `yes` is not a boolean; write true or false");
  EXPECT_EQ(from_line("options", "{"), "input `options`: `{` is not a struct; write it as JSON");
  EXPECT_EQ(from_line("rows", "[1, \"a\"]"),
            "input `rows`: it should be a list<integer>, but [1]: it is a string");
  EXPECT_EQ(from_line("rows", "[\"a\", 1]"),
            "input `rows`: it should be a list<integer>, but [0]: it is a string");
}

TEST_F(Inputs, AreCheckedAsValuesToo) {
  Struct given;
  given.set("pictures", Artifact{.kind = "table",
                                 .form = Form::file,
                                 .digest = Digest::of("x"),
                                 .size = 1,
                                 .name = {},
                                 .uri = {},
                                 .metadata = nullptr});
  EXPECT_EQ(bound(given, false),
            "input `pictures`: it should be an artifact of kind `directory`, but it is an artifact of kind "
            "`table`");
  given.set("pictures", "dir");
  given.set("seed", "9");
  EXPECT_EQ(bound(given, false), "input `seed`: it should be an integer, but it is a string");
  given.set("seed", Value());
  EXPECT_EQ(bound(given, false), "input `seed`: it should be an integer, but it is null");
}

TEST(Durations, ReadAndPrinted) {
  for (const auto* text : {"2s", "500ms", "10m", "1h30m", "2d", "0s", "1m30s"}) {
    const auto read = parse_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(print_duration(*read), text);
  }
  for (const auto* text : {"", "5", "s", "5x", "-5s", "1.5s", "99999999999999999999s", "2s ", "40000d"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Types, ReadAndPrinted) {
  for (const auto* text : {"any", "string", "integer", "number", "boolean", "struct", "artifact", "list<any>",
                           "list<list<integer>>"}) {
    const auto type = parse_type(text);
    ASSERT_TRUE(type) << text;
    EXPECT_EQ(print(*type), text);
  }
  EXPECT_EQ(print(*parse_type("list")), "list<any>");
  EXPECT_EQ(*parse_type("list"), *parse_type("list<any>"));
  for (const auto* text : {"", "list<", "list<x>", "List", "list<integer", "integer>"})
    EXPECT_FALSE(parse_type(text)) << text;
}

TEST(Resources, HaveLimits) {
  Resources resources;
  EXPECT_EQ(assign_resource(resources, "gpu", 1'000'000), std::nullopt);
  EXPECT_EQ(resources.gpu, 1'000'000);
  EXPECT_EQ(assign_resource(resources, "gpu", 1'000'001), "`gpu` should be a whole number of devices");
  EXPECT_EQ(assign_resource(resources, "gpu", -1), "`gpu` should be a whole number of devices");
  EXPECT_EQ(assign_resource(resources, "cpu", 1e6), std::nullopt);
  EXPECT_EQ(resources.cpu, 1'000'000'000);
  EXPECT_EQ(assign_resource(resources, "cpu", 1'000'001),
            "`cpu` should be a number of processors, such as 2 or 0.5");
  EXPECT_EQ(assign_resource(resources, "cpu", 0), std::nullopt);
  EXPECT_EQ(resources.cpu, 0);
}

TEST(Durations, OfNumbersAreSeconds) {
  EXPECT_EQ(duration_of(2), Milliseconds(2'000));
  EXPECT_EQ(duration_of(0.0125), Milliseconds(12));
  EXPECT_EQ(duration_of(0), Milliseconds(0));
  EXPECT_EQ(duration_of("1m"), Milliseconds(60'000));
  const auto infinity = std::numeric_limits<double>::infinity();
  const auto hundred_years = 100.0 * 366 * 24 * 3600;
  EXPECT_TRUE(duration_of(hundred_years));
  for (const auto& value :
       std::vector<Value>{-0.001, -1, infinity, -infinity, std::nan(""), hundred_years + 1, true, {}, List{}})
    EXPECT_FALSE(duration_of(value));
}

}  // namespace
}  // namespace sluice::ir
