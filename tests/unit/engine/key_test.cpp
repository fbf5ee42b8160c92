#include <gtest/gtest.h>

#include "sluice/engine/run.hpp"

namespace sluice::engine {
namespace {

Template output_hole(std::string name) {
  return {.parts = {PathPlaceholder{
              .kind = PathPlaceholder::Kind::output, .artifact = nullptr, .output = std::move(name)}}};
}

TaskSpec process(List argv, std::vector<std::string> outputs = {"o"}) {
  TaskSpec work{.kind = TaskSpec::Kind::process, .argv = std::move(argv)};
  for (auto& name : outputs) work.outputs.push_back({.name = std::move(name)});
  return work;
}

Digest key(const TaskSpec& work, const Value& environment = {}) {
  return cache_key(work, environment, {}, "");
}

TEST(CacheKey, RenamingAnOutputIsNotNewWork) {
  EXPECT_EQ(key(process({"run", Value(output_hole("score"))}, {"score"})),
            key(process({"run", Value(output_hole("accuracy"))}, {"accuracy"})));
}

TEST(CacheKey, SwappingTwoOutputsIs) {
  EXPECT_NE(key(process({Value(output_hole("a")), Value(output_hole("b"))}, {"a", "b"})),
            key(process({Value(output_hole("b")), Value(output_hole("a"))}, {"a", "b"})));
}

TEST(CacheKey, DeclaringTwoOutputsInAnotherOrderIs) {
  const List argv{Value(output_hole("a")), Value(output_hole("b"))};
  EXPECT_NE(key(process(argv, {"a", "b"})), key(process(argv, {"b", "a"})));
}

TEST(CacheKey, KnowsAnIntegerFromANumberAndAText) {
  EXPECT_NE(key(process({"run", 1})), key(process({"run", 1.0})));
  EXPECT_NE(key(process({"run", 1})), key(process({"run", "1"})));
}

TEST(CacheKey, TakesAnArtifactByKindDigestAndMetadataNotByName) {
  const Artifact one{.kind = "table", .digest = Digest::of("x"), .size = 1, .name = "a.csv"};
  auto renamed = one;
  renamed.name = "b.csv";
  auto other_kind = one;
  other_kind.kind = "picture";
  auto other_bytes = one;
  other_bytes.digest = Digest::of("y");
  auto other_metadata = one;
  Struct metadata;
  metadata.set("rows", 3);
  other_metadata.metadata = std::make_shared<const Struct>(metadata);
  const auto base = key(process({Value(one)}));
  EXPECT_EQ(base, key(process({Value(renamed)})));
  EXPECT_NE(base, key(process({Value(other_kind)})));
  EXPECT_NE(base, key(process({Value(other_bytes)})));
  EXPECT_NE(base, key(process({Value(other_metadata)})));
}

TEST(CacheKey, ChangesWithCodeEnvironmentAndExecutable) {
  auto work = process({"run"});
  const auto base = key(work);
  EXPECT_NE(base, key(work, "another executable"));
  work.env.set("MODE", "fast");
  const auto with_env = key(work);
  EXPECT_NE(base, with_env);
  work.code = Artifact{.kind = "code", .form = Form::directory, .digest = Digest::of("code"), .size = 1};
  EXPECT_NE(with_env, key(work));
}

TEST(CacheKey, CannotBeForgedByAPlainStruct) {
  const Artifact artifact{.kind = "any", .digest = Digest::of("x"), .size = 1};
  Struct inner;
  inner.set("kind", "any");
  inner.set("form", "file");
  inner.set("digest", Digest::of("x").hex());
  Struct forged;
  forged.set("$artifact", inner);
  EXPECT_NE(key(process({Value(artifact)})), key(process({Value(forged)})));
}

}  // namespace
}  // namespace sluice::engine
