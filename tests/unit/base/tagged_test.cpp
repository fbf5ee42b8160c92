#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice {
namespace {

Struct one(std::string key, Value value) {
  Struct s;
  s.set(std::move(key), std::move(value));
  return s;
}

Artifact table() {
  return {.kind = "table",
          .form = Form::directory,
          .digest = Digest::of("x"),
          .size = 12,
          .name = "scores",
          .uri = "",
          .metadata =
              std::make_shared<const Struct>(one("$rows", List{3, Value(Artifact{.uri = "https://x/y"})}))};
}

Value from(std::string_view text) { return test::value_of(from_tagged(test::value_of(parse_json(text)))); }

std::string problem(std::string_view text) {
  return test::message_of(from_tagged(test::value_of(parse_json(text))));
}

TEST(TaggedForm, LeavesPlainJsonAsItIs) {
  const auto json = parse_json(R"({"a": [1, 2.0, null, true, "x"], "b": {"c": []}})");
  EXPECT_EQ(to_json(to_tagged(*json)), to_json(*json));
}

TEST(TaggedForm, WritesAnArtifactAsATaggedObject) {
  Artifact artifact{.kind = "picture", .digest = Digest::of("abc"), .size = 3};
  EXPECT_EQ(
      to_json(to_tagged(artifact)),
      R"({"$artifact":{"kind":"picture","form":"file","digest":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3}})");
}

TEST(TaggedForm, RoundTripsArtifacts) {
  const Value value = List{table(), one("inner", table())};
  const auto text = to_json(to_tagged(value));
  const auto again = from(text);
  EXPECT_EQ(again, value);
  const auto* artifact = again.if_list()->front().if_artifact();
  EXPECT_EQ(artifact->size, 12);
  EXPECT_EQ(artifact->name, "scores");
  EXPECT_EQ(to_json(to_tagged(again)), text);
}

TEST(TaggedForm, RoundTripsLatePaths) {
  Template late;
  late.parts.emplace_back(std::string("--out="));
  late.parts.emplace_back(
      PathPlaceholder{.kind = PathPlaceholder::Kind::output, .artifact = nullptr, .output = "report"});
  late.parts.emplace_back(PathPlaceholder{.kind = PathPlaceholder::Kind::input,
                                          .artifact = std::make_shared<const Artifact>(table()),
                                          .output = {}});
  const Value value = List{"run", late};
  EXPECT_EQ(from(to_json(to_tagged(value))), value);
}

TEST(TaggedForm, CannotBeForgedByAPlainStruct) {
  const Value forged = one("$artifact", one("uri", "https://evil"));
  const auto tagged = to_tagged(forged);
  EXPECT_EQ(to_json(tagged), R"({"$$artifact":{"uri":"https://evil"}})");
  const auto again = from(to_json(tagged));
  EXPECT_EQ(again, forged);
  EXPECT_TRUE(again.is_struct());
}

TEST(TaggedForm, EscapesDollarsAtEveryDepthAndOnlyInFront) {
  for (const auto* key : {"$", "$$", "$late", "$$artifact", "a$b", "$$$"}) {
    const Value value = List{one(key, one(key, 1))};
    EXPECT_EQ(from(to_json(to_tagged(value))), value) << key;
  }
}

TEST(TaggedForm, RefusesAnArtifactThatPointsToNothing) {
  EXPECT_EQ(problem(R"({"$artifact": {"kind": "any"}})"), "an artifact needs a digest or a uri");
  EXPECT_EQ(problem(R"({"$artifact": 3})"), "$artifact must be an object");
  EXPECT_EQ(problem(R"({"$artifact": {"digest": "abc"}})"), "a digest is 64 hexadecimal digits, not 3");
  EXPECT_EQ(problem(R"({"$late": 3})"), "$late must be a list");
  EXPECT_EQ(problem(R"({"$late": [{}]})"), "a late path names neither input, output nor folder");
}

TEST(TaggedForm, TakesAnExternalArtifactByItsUri) {
  const auto value = from(R"({"$artifact": {"kind": "any", "uri": "https://example.com/data.csv"}})");
  ASSERT_TRUE(value.is_artifact());
  EXPECT_FALSE(value.if_artifact()->digest);
  EXPECT_EQ(value.if_artifact()->uri, "https://example.com/data.csv");
}

}  // namespace
}  // namespace sluice
