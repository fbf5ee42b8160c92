#include "models_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Reading : public ModelsTest {
 protected:
  void SetUp() override {
    ModelsTest::SetUp();
    for (int i = 1; i <= 3; ++i) {
      write("head.onnx", "weights " + std::to_string(i));
      ASSERT_OK(models_->add_version(version()));
    }
  }
  std::string error(const std::string& reference) {
    const auto found = models_->resolve("default", "stamps", reference);
    return found ? "v" + std::to_string(found->number) : found.error().message;
  }
};

TEST_F(Reading, ResolvesReferences) {
  EXPECT_EQ(error("1"), "v1");
  EXPECT_EQ(error("v2"), "v2");
  EXPECT_EQ(error("latest"), "v3");
  ASSERT_OK(models_->set_alias("default", "stamps", "champion", 1, {}, {}));
  EXPECT_EQ(error(""), "v1");
  EXPECT_EQ(error("champion"), "v1");
  EXPECT_EQ(error("7"), "model `stamps` has no version `7`; it has v1 … v3");
  EXPECT_EQ(error("v01"), "model `stamps` has no version `v01`; it has v1 … v3");
  EXPECT_EQ(error("champoin"), "model `stamps` has no version or alias `champoin`; did you mean `champion`?");
  EXPECT_EQ(error("best"), "model `stamps` has no version or alias `best`; it has v1 … v3");
  EXPECT_EQ(error("../../x"), "model `stamps` has no version or alias `../../x`; it has v1 … v3");
  EXPECT_EQ(models_->resolve("default", "other", "").error().message,
            "there is no model `other` in workspace `default`; `sluice models` lists the existing ones");
  EXPECT_EQ(models_->resolve("team", "stamps", "").error().code, Code::not_found);
}

TEST_F(Reading, MovesAliasesAndKeepsTheirHistory) {
  ASSERT_OK(models_->set_alias("default", "stamps", "champion", 1, {.workspace = "default", .name = "bob"},
                               Time(Milliseconds(5000))));
  ASSERT_OK(
      models_->set_alias("default", "stamps", "champion", 1, {.workspace = "default", .name = "bob"}, {}));
  const std::string odd[] = {"möglich: ja?", "a..b", std::string(250, 'z'), "-x"};
  for (const auto& name : odd) ASSERT_OK(models_->set_alias("default", "stamps", name, 2, {}, {}));
  EXPECT_EQ(fsck("stamps"), "");
  const auto versions = models_->versions("default", "stamps", {}).value().page;
  ASSERT_EQ(versions.size(), 3U);
  EXPECT_EQ(versions[0].number, 3);
  EXPECT_THAT(versions[0].aliases, IsEmpty());
  EXPECT_THAT(versions[1].aliases, testing::UnorderedElementsAreArray(odd));
  EXPECT_THAT(versions[2].aliases, ElementsAre("champion"));
  for (const auto& name : odd) EXPECT_EQ(error(name), "v2");
  const auto log = git("stamps", "log --format=%s%n%b refs/meta/registry");
  EXPECT_THAT(log, HasSubstr("alias champion v3 -> v1\nOp: "
                             "{\"op\":\"alias\",\"by\":\"bob\",\"at_ms\":5000,\"alias\":\"champion\","
                             "\"from\":\"v3\",\"to\":\"v1\"}\n"));
}

TEST_F(Reading, ListsAndReadsFilesWithTheirRealBytes) {
  const auto version = models_->resolve("default", "stamps", "v2").value();
  const auto files = models_->files("default", version);
  ASSERT_OK(files);
  std::vector<std::string> names;
  for (const auto& file : *files) {
    names.push_back(file.path);
    const auto bytes = models_->read("default", version, file.path);
    ASSERT_OK(bytes);
    EXPECT_EQ(Digest::of(*bytes), file.digest) << file.path;
    EXPECT_EQ(static_cast<std::int64_t>(bytes->size()), file.size);
  }
  EXPECT_THAT(names,
              ElementsAre(".gitattributes", "README.md", "head.onnx", "model.json", "provenance.json"));
  EXPECT_EQ(models_->read("default", version, "head.onnx").value(), "weights 2");
  EXPECT_EQ(models_->read("default", version, "readme.md").error().message,
            "model `stamps` v2 has no file `readme.md`");
  EXPECT_EQ(models_->read("default", version, "head.onx").error().message,
            "model `stamps` v2 has no file `head.onx`; did you mean `head.onnx`?");
  auto forged = version;
  forged.commit = "main";
  EXPECT_EQ(models_->files("default", forged).error().message, "`main` is not a git object's name");
}

TEST_F(Reading, ReturnsAVersionAsAFolderOfTheStore) {
  const auto version = models_->resolve("default", "stamps", "v3").value();
  const auto artifact = models_->as_artifact("default", version);
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->kind, "model");
  EXPECT_EQ(artifact->form, Form::directory);
  const auto path = store_->materialize(*artifact);
  ASSERT_OK(path);
  EXPECT_EQ(read(*path / "head.onnx"), "weights 3");
  EXPECT_EQ(read(*path / "README.md"), read(content() / "README.md"));
  EXPECT_EQ(models_->as_artifact("default", version)->digest, artifact->digest);
  // Its large files are not read for that: damaged bytes are detected when they are materialized, not here.
  fs::remove(store_->path_of(Digest::of("weights 3")));
  EXPECT_EQ(models_->as_artifact("default", version).error().message,
            "model `stamps` v3: `head.onnx`: object " + Digest::of("weights 3").hex() +
                " is not in the store; store its bytes first");
}

}  // namespace
}  // namespace sluice::stores
