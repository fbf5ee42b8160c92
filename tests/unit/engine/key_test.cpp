#include <memory>
#include <set>
#include <utility>

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

TEST(CacheKey, RenamingAnOutputIsNewWorkIfOneIsOptional) {
  const auto named = [](const std::string& name) {
    auto work = process({"run", Value(output_hole("x")), Value(output_hole(name))}, {"x", name});
    work.outputs[0].optional = true;
    return key(work);
  };
  EXPECT_NE(named("score"), named("accuracy"));
  EXPECT_EQ(named("score"), named("score"));
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

TEST(CacheKey, ChangesWithEachPropertyOfAnOutput) {
  const auto with = [](const ir::TaskOutput& output) {
    TaskSpec work{.kind = TaskSpec::Kind::process, .argv = {"run"}};
    work.outputs.push_back(output);
    return key(work);
  };
  using Encoding = ir::TaskOutput::Encoding;
  const auto json = ir::TaskOutput{.name = "o", .encoding = Encoding::json};
  const auto base = with(json);
  auto other_type = json;
  other_type.type.kind = ir::Type::Kind::integer;
  auto directory = json;
  directory.form = Form::directory;
  auto text = json;
  text.encoding = Encoding::text;
  auto elsewhere = json;
  elsewhere.from = "result.json";
  auto optional = json;
  optional.optional = !json.optional;
  for (const auto& other : {other_type, directory, text, elsewhere, optional}) EXPECT_NE(base, with(other));
}

TEST(CacheKey, OfAContainerHasItsArgumentsApart) {
  const TaskSpec process{.kind = TaskSpec::Kind::process, .argv = {"run", "x"}};
  const TaskSpec container{.kind = TaskSpec::Kind::container, .argv = {"run", "x"}};
  const TaskSpec apart{.kind = TaskSpec::Kind::container, .args = {"x"}, .argv = {"run"}};
  const TaskSpec of_image{.kind = TaskSpec::Kind::container, .args = {"run", "x"}};
  const std::set<Digest> keys{key(process), key(container), key(apart), key(of_image)};
  EXPECT_EQ(keys.size(), 4U);
}

/// A process and a service with everything that a key has.
std::pair<TaskSpec, TaskSpec> complete_work() {
  auto process = TaskSpec{.kind = TaskSpec::Kind::process, .hermetic = true};
  Struct metadata;
  metadata.set("rows", 3);
  const Artifact table{.kind = "table",
                       .digest = Digest::of("x"),
                       .size = 1,
                       .name = "a.csv",
                       .metadata = std::make_shared<const Struct>(metadata)};
  Struct fields;
  fields.set("$artifact", List{1, 1.5, true, Value()});
  fields.set("plain", "text");
  process.argv = {
      "run",
      table,
      Value(output_hole("b")),
      Value(output_hole("a")),
      Value(Template{.parts = {"--in=", PathPlaceholder{.kind = PathPlaceholder::Kind::input,
                                                        .artifact = std::make_shared<const Artifact>(table),
                                                        .output = ""}}}),
      fields};
  process.env.set("MODE", "fast");
  process.code = Artifact{.kind = "code", .form = Form::directory, .digest = Digest::of("code"), .size = 1};
  process.outputs = {{.name = "a"},
                     {.name = "b", .form = Form::directory, .from = "folder", .optional = true}};
  auto service = TaskSpec{.kind = TaskSpec::Kind::service, .service = "ai.head"};
  service.with.set("pictures", Artifact{.kind = "any", .uri = "s3://bucket/pictures"});
  return {process, service};
}

/// If this fails, no task is found in the caches that earlier releases filled. If that is intended, change
/// the version that is part of each key.
TEST(CacheKey, IsTheSameInEveryRelease) {
  const auto [process, service] = complete_work();
  EXPECT_EQ(cache_key(process, "environment", "user's key", "run").hex(),
            "3455e60f65b6ffa6ed768a311f5c672ed458469a9c4370c9ecc36ec2b03b145d");
  EXPECT_EQ(cache_key(service, {}, {}, "").hex(),
            "3b0d487e1961856002d0e0fe4c1d58086ebe5fa52ebed7d57a3696839ed13e6e");
}

}  // namespace
}  // namespace sluice::engine
