#include <gtest/gtest.h>

#include "../driver/services.hpp"
#include "sluice/executors/service/service_executor.hpp"

namespace sluice::executors {
namespace {

using test::one;
using Kind = ir::Type::Kind;

ir::Type type(Kind kind, std::string artifact_kind = "any") {
  return {.kind = kind, .element = nullptr, .artifact_kind = std::move(artifact_kind)};
}

ir::Type list_of(const ir::Type& element) {
  return {.kind = Kind::list, .element = std::make_shared<const ir::Type>(element), .artifact_kind = "any"};
}

std::string problem(const ir::Type& declared, Value given) {
  return type_mismatch_in({{.name = "x", .type = declared}}, one("x", std::move(given)), "input")
      .value_or("none");
}

TEST(ServiceArguments, FitTheirTypes) {
  EXPECT_EQ(problem(type(Kind::any), Value()), "none");
  EXPECT_EQ(problem(type(Kind::string), "a"), "none");
  EXPECT_EQ(problem(type(Kind::integer), 1), "none");
  EXPECT_EQ(problem(type(Kind::number), 1), "none");
  EXPECT_EQ(problem(type(Kind::number), 1.5), "none");
  EXPECT_EQ(problem(type(Kind::boolean), true), "none");
  EXPECT_EQ(problem(type(Kind::structure), Struct{}), "none");
  EXPECT_EQ(problem(list_of(type(Kind::integer)), List{1, 2}), "none");
  EXPECT_EQ(problem(type(Kind::artifact, "table"), Artifact{.kind = "table"}), "none");
  EXPECT_EQ(problem(type(Kind::artifact, "table"), Artifact{.kind = "any"}), "none");
  EXPECT_EQ(problem(type(Kind::artifact), Artifact{.kind = "table"}), "none");
}

TEST(ServiceArguments, OfAnotherTypeAreNamed) {
  EXPECT_EQ(problem(type(Kind::integer), "7"), "input `x` should be an integer, but it is a string");
  EXPECT_EQ(problem(type(Kind::integer), 1.0), "input `x` should be an integer, but it is a number");
  EXPECT_EQ(problem(type(Kind::string), Value()), "input `x` should be a string, but it is null");
  EXPECT_EQ(problem(list_of(type(Kind::integer)), List{1, "a"}),
            "input `x` should be a list<integer>, but [1]: it is a string");
  EXPECT_EQ(problem(type(Kind::artifact, "table"), "a.csv"),
            "input `x` should be an artifact of kind `table`, but it is a string");
  EXPECT_EQ(problem(type(Kind::artifact, "table"), Artifact{.kind = "directory"}),
            "input `x` should be an artifact of kind `table`, but it is an artifact of kind `directory`");
}

TEST(ServiceArguments, ThatAreMissingAreNamedUnlessOptional) {
  const std::vector<ir::Parameter> declared{{.name = "seed", .type = type(Kind::integer)},
                                            {.name = "note", .type = type(Kind::string), .optional = true}};
  EXPECT_EQ(type_mismatch_in(declared, {}, "input"), "input `seed` is missing; it should be an integer");
  EXPECT_EQ(type_mismatch_in(declared, one("seed", 7), "input"), std::nullopt);
}

TEST(ServiceArguments, ThatAreNotDeclaredAreNamedWithTheNearestOne) {
  const std::vector<ir::Parameter> declared{{.name = "pictures", .type = type(Kind::any), .optional = true}};
  EXPECT_EQ(type_mismatch_in(declared, one("picturs", 1), "input"),
            "unknown input `picturs`; did you mean `pictures`?");
  EXPECT_EQ(type_mismatch_in({}, one("value", 1), "output"), "unknown output `value`");
}

}  // namespace
}  // namespace sluice::executors
