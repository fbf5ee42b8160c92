// Types: which are equal, what may be passed where, and what several have in common.
#include <string>
#include <vector>

#include "plans.hpp"

namespace sluice::ir {
namespace {

/// "list<artifact>:table": artifacts of the kind `table`.
Type type(const std::string& text) {
  const auto colon = text.find(':');
  const auto made = *parse_type(text.substr(0, colon));
  return colon == std::string::npos ? made : with_artifact_kind(made, text.substr(colon + 1));
}

TEST(Types, AreEqualIfAllOfThemIs) {
  const std::vector<std::string> texts{"any",
                                       "string",
                                       "integer",
                                       "artifact",
                                       "artifact:table",
                                       "list<any>",
                                       "list<integer>",
                                       "list<artifact>:table",
                                       "list<list<any>>"};
  for (const auto& a : texts)
    for (const auto& b : texts) EXPECT_EQ(type(a) == type(b), a == b) << a << " and " << b;
}

TEST(Types, HaveTheKindOfTheirArtifactsAtAnyDepth) {
  EXPECT_EQ(*artifact_kind_of(type("artifact:table")), "table");
  EXPECT_EQ(*artifact_kind_of(type("list<list<artifact>>:table")), "table");
  EXPECT_EQ(artifact_kind_of(type("list<integer>")), nullptr);
  EXPECT_EQ(artifact_kind_of(type("integer:table")), nullptr);
  EXPECT_EQ(describe(type("list<artifact>:table")), "a list<artifact> of kind `table`");
  EXPECT_EQ(describe(type("artifact")), "an artifact");
  EXPECT_EQ(describe(type("integer")), "an integer");
}

TEST(Types, OfWhichOneMayBePassedForAnother) {
  const auto passes = [](const std::string& from, const std::string& to) {
    return assignable(type(from), type(to));
  };
  EXPECT_TRUE(passes("any", "integer"));
  EXPECT_TRUE(passes("integer", "any"));
  EXPECT_TRUE(passes("integer", "number"));
  EXPECT_FALSE(passes("number", "integer"));
  EXPECT_FALSE(passes("string", "integer"));
  EXPECT_TRUE(passes("list<integer>", "list<number>"));
  EXPECT_FALSE(passes("list<number>", "list<integer>"));
  EXPECT_TRUE(passes("list", "list<integer>"));
  EXPECT_FALSE(passes("list", "integer"));
  EXPECT_TRUE(passes("artifact:table", "artifact:table"));
  EXPECT_TRUE(passes("artifact:table", "artifact"));
  EXPECT_TRUE(passes("artifact", "artifact:table"));
  EXPECT_FALSE(passes("artifact:table", "artifact:picture"));
}

TEST(Types, HaveAnotherInCommon) {
  const auto common = [](const std::string& a, const std::string& b) {
    EXPECT_EQ(common_type(type(a), type(b)), common_type(type(b), type(a)));
    return common_type(type(a), type(b));
  };
  EXPECT_EQ(common("integer", "integer"), type("integer"));
  EXPECT_EQ(common("integer", "number"), type("number"));
  EXPECT_EQ(common("integer", "string"), type("any"));
  EXPECT_EQ(common("list<integer>", "list<number>"), type("list<number>"));
  EXPECT_EQ(common("list<integer>", "integer"), type("any"));
  EXPECT_EQ(common("artifact:table", "artifact:table"), type("artifact:table"));
  EXPECT_EQ(common("artifact:table", "artifact:picture"), type("artifact"));
  EXPECT_EQ(common("artifact:table", "string"), type("any"));
}

TEST(Types, OfValues) {
  EXPECT_EQ(type_of(List{1, 2}), type("list<integer>"));
  EXPECT_EQ(type_of(List{1, 2.5}), type("list<number>"));
  EXPECT_EQ(type_of(List{1, "a"}), type("list<any>"));
  EXPECT_EQ(type_of(List{}), type("list<any>"));
  EXPECT_EQ(type_of(Artifact{.kind = "table"}), type("artifact:table"));
  EXPECT_EQ(type_of(true), type("boolean"));
  EXPECT_EQ(type_of(Struct{}), type("struct"));
  EXPECT_EQ(type_of(Value()), type("any"));
}

}  // namespace
}  // namespace sluice::ir
