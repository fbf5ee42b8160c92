#include "sluice/domain/models/provenance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded_run.hpp"

namespace sluice::models {
namespace {

const Value& at(const Value& value, std::initializer_list<std::string_view> path) {
  static const Value nothing;
  const Value* found = &value;
  for (const auto key : path)
    if ((found = found->find(key)) == nullptr) return nothing;
  return *found;
}

Value statement() {
  Struct base;
  base.set("repository", "efficientnet-lite0");
  base.set("commit", "0123456789012345678901234567890123456789");
  base.set("digest", Digest::of("base").hex());
  return *provenance_statement({.run = {"r1"},
                                .facts = recorded_facts(),
                                .subjects = {{.path = "head.onnx", .digest = Digest::of("head")}},
                                .base = base,
                                .program_version = "0.1.0",
                                .finished = Time(Milliseconds(1'700'000'000'123))});
}

TEST(Provenance, IsAnInTotoStatementWithSlsaProvenance) {
  const auto made = statement();
  EXPECT_EQ(made.text_at("_type"), "https://in-toto.io/Statement/v1");
  EXPECT_EQ(made.text_at("predicateType"), "https://slsa.dev/provenance/v1");
  const auto& subject = made.find("subject")->if_list()->front();
  EXPECT_EQ(subject.text_at("name"), "head.onnx");
  EXPECT_EQ(subject.find("digest")->text_at("sha256"), Digest::of("head").hex());
  const auto& external = at(made, {"predicate", "buildDefinition", "externalParameters"});
  EXPECT_EQ(at(external, {"plan", "digest"}).text_at("sha256"), Digest::of("plan").hex());
  EXPECT_EQ(external.find("inputs")->integer_at("seed"), 7);
  const auto& details = at(made, {"predicate", "runDetails"});
  EXPECT_EQ(details.find("metadata")->text_at("invocationId"), "r1");
  EXPECT_EQ(details.find("metadata")->text_at("startedOn"), "2026-11-24T08:48:55.000Z");
  EXPECT_EQ(details.find("metadata")->text_at("finishedOn"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(at(details, {"builder", "version"}).text_at("sluice"), "0.1.0");
}

TEST(Provenance, DependsOnWhatCameFromOutside) {
  const auto made = statement();
  std::vector<std::string> names;
  for (const auto& dependency : *at(made, {"predicate", "buildDefinition", "resolvedDependencies"}).if_list())
    names.push_back(dependency.text_at("name"));
  EXPECT_THAT(names,
              testing::ElementsAre("pictures", "base efficientnet-lite0", "argv[1]", "code of evaluate"))
      << "each once, and not what one task produced for another";
  const auto& base = (*at(made, {"predicate", "buildDefinition", "resolvedDependencies"}).if_list())[1];
  EXPECT_EQ(base.find("digest")->text_at("gitCommit"), "0123456789012345678901234567890123456789");
}

TEST(Provenance, KeepsTasksSeedsAndInstructionSets) {
  const auto made = statement();
  const auto& internal = at(made, {"predicate", "buildDefinition", "internalParameters"});
  EXPECT_EQ(internal.find("seeds")->integer_at("head"), 7);
  EXPECT_EQ(*internal.find("instructionSets"), Value(List{"avx512"}));
  const auto& tasks = *internal.find("tasks")->if_list();
  ASSERT_EQ(tasks.size(), 3U);
  EXPECT_EQ(tasks[0].find("cached_from")->text_at("run"), "r0");
  EXPECT_EQ(tasks[0].find("inputs")->if_list()->front().find("digest")->text_at("reapiDirectorySha256"),
            Digest::of("pictures").hex());
  EXPECT_EQ(tasks[0].find("environment")->text_at("runtime"), "openvino 2026.4.1");
  EXPECT_EQ(tasks[2].find("code")->text_at("reapiDirectorySha256"), Digest::of("code").hex());
  EXPECT_EQ(tasks[2].text_at("ended"), "2026-11-24T08:48:57.123Z");
}

TEST(Provenance, FindsNestedArtifacts) {
  Struct inner;
  inner.set("model", artifact("m", "model"));
  Struct value;
  value.set("folds", List{inner, 3});
  value.set("table", artifact("t", "any", Form::file));
  const auto hole = std::make_shared<const Artifact>(artifact("h", "any"));
  value.set(
      "flag",
      Template{.parts = {"--in=", PathPlaceholder{.kind = PathPlaceholder::Kind::input, .artifact = hole}}});
  std::vector<std::string> names;
  for (const auto& found : artifacts_in(value)) names.push_back(found.name);
  EXPECT_THAT(names, testing::ElementsAre("folds[0].model", "table", "flag"));
}

}  // namespace
}  // namespace sluice::models
