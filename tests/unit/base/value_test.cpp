#include "sluice/base/value.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Struct struct_of(std::vector<std::pair<std::string, Value>> fields) {
  Struct s;
  for (auto& [key, value] : fields) s.set(std::move(key), std::move(value));
  return s;
}

TEST(Values, OneAndOnePointZeroDiffer) {
  EXPECT_FALSE(Value(1) == Value(1.0));
  EXPECT_FALSE(Value(List{1}) == Value(List{1.0}));
  EXPECT_FALSE(Value() == Value(false));
}

TEST(Values, StructsAreEqualInAnyOrder) {
  EXPECT_EQ(struct_of({{"a", 1}, {"b", List{2}}}), struct_of({{"b", List{2}}, {"a", 1}}));
  EXPECT_FALSE(struct_of({{"a", 1}}) == struct_of({{"a", 1}, {"b", 2}}));
  EXPECT_FALSE(struct_of({{"a", 1}}) == struct_of({{"b", 1}}));
}

TEST(Values, SettingAKeyAgainReplacesItInItsPlace) {
  auto s = struct_of({{"a", 1}, {"b", 2}});
  s.set("a", 3);
  EXPECT_EQ(s.size(), 2U);
  EXPECT_EQ(s.begin()->first, "a");
  EXPECT_EQ(*s.find("a"), Value(3));
  EXPECT_TRUE(s.erase("a"));
  EXPECT_FALSE(s.erase("a"));
  EXPECT_EQ(s.find("a"), nullptr);
}

TEST(Values, CopiesDoNotSeeLaterChanges) {
  auto s = struct_of({{"a", 1}});
  const Value before = s;
  s.set("a", 2);
  EXPECT_EQ(*before.find("a"), Value(1));
}

TEST(Values, LenientAccessorsReturnTheDefaultForAnotherKind) {
  const Value value = struct_of({{"text", "x"}, {"integer", 3}, {"number", 0.5}, {"yes", true}});
  EXPECT_EQ(value.text_at("text"), "x");
  EXPECT_EQ(value.text_at("integer", "none"), "none");
  EXPECT_EQ(value.integer_at("number", 7), 7);
  EXPECT_EQ(value.number_at("integer"), 3.0);
  EXPECT_TRUE(value.boolean_at("yes"));
  EXPECT_FALSE(value.boolean_at("text"));
  EXPECT_EQ(Value(3).text_at("text", "none"), "none");
}

TEST(Values, ArtifactsAreEqualByWhatTheyHoldNotByName) {
  const Artifact one{.kind = "table", .digest = Digest::of("x"), .size = 1, .name = "a"};
  auto other = one;
  other.name = "b";
  other.metadata = std::make_shared<const Struct>();
  EXPECT_EQ(one, other);
  other.metadata = std::make_shared<const Struct>(struct_of({{"rows", 3}}));
  EXPECT_FALSE(one == other);
  EXPECT_FALSE(other == one);
  auto directory = one;
  directory.form = Form::directory;
  EXPECT_FALSE(one == directory);
}

TEST(Values, NameTheirKindsAsPlansDo) {
  EXPECT_EQ(kind_name(Value(Struct{}).kind()), "struct");
  EXPECT_EQ(kind_name(Value(1.5).kind()), "number");
  EXPECT_EQ(kind_name(Value(Artifact{}).kind()), "artifact");
  EXPECT_EQ(kind_name(Value().kind()), "null");
}

}  // namespace
}  // namespace sluice
