#include "sluice/domain/models/register_service.hpp"

#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded_run.hpp"
#include "result_assertions.hpp"
#include "sluice/domain/models/front_matter.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/git/git_model_repository.hpp"

namespace sluice::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class Register : public testing::Test {
 protected:
  void SetUp() override {
    write("base/README.md", "---\nlicense: apache-2.0\n---\n# The base\n");
    const auto base = models_->add_version({.model = "efficientnet-lite0", .content = root_.path() / "base"});
    ASSERT_OK(base);
    base_commit_ = base->version.commit;
    write("report/metrics.json", "{\"accuracy\": 0.8}\n");
    write("report/confusion.svg", "<svg/>");
    write_head("weights");
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root_.path() / name).parent_path());
    ASSERT_OK(os::write_file(root_.path() / name, text));
  }
  void write_head(const std::string& weights) const {
    write("head/head.onnx", weights);
    write("head/model.json",
          R"({"classes": ["bird", "fish"], "head": "head.onnx", "threshold": -0.5, "base": {"repository":
      "efficientnet-lite0", "commit": ")" +
              base_commit_ + R"(", "digest": "ab", "tap": "features"}})");
  }
  Artifact stored(const std::string& folder, const std::string& kind) {
    const auto stored = test::value_of(objects_->put_directory(root_.path() / folder));
    return {.kind = kind, .form = Form::directory, .digest = stored.digest, .size = stored.size};
  }
  Struct arguments() {
    Struct metrics;
    metrics.set("accuracy", 0.8);
    metrics.set("accuracy_low", 0.7);
    metrics.set("accuracy_high", 0.9);
    Struct with;
    with.set("model", stored("head", "model"));
    with.set("name", "stamps");
    with.set("report", stored("report", "directory"));
    with.set("metrics", metrics);
    return with;
  }
  Result<Struct> run(Struct with, const std::string& run = "r1") {
    const auto scratch = root_.path() / ("scratch-" + std::to_string(++calls_));
    fs::create_directories(scratch);
    return service_.run({.with = std::move(with),
                         .run = {run},
                         .path = "verdict/register",
                         .effect_key = run + "/verdict/register",
                         .scratch = scratch});
  }
  std::string read(const std::string& reference, const std::string& path) {
    const auto version = test::value_of(models_->resolve("default", "stamps", reference));
    const auto text = models_->read("default", version, path);
    return text ? *text : text.error().message;
  }

  SystemClock clock_;
  os::TemporaryDirectory root_ = *os::TemporaryDirectory::make(fs::temp_directory_path(), "sluice-register-");
  std::unique_ptr<stores::DirectoryObjectStore> objects_ =
      *stores::DirectoryObjectStore::open(root_.path() / "objects", root_.path() / "cache", clock_);
  std::unique_ptr<stores::GitModelRepository> models_ =
      *stores::GitModelRepository::open(root_.path() / "models", *objects_, clock_);
  RecordedRun facts_;
  Result<void> trial_;  ///< what trying the head gives; a real one: tests/system/test_confinement.py
  std::vector<Artifact> tried_;
  RegisterService service_{*objects_, *models_, facts_, clock_,
                           [this](const Artifact& base, const Artifact& head, const std::stop_token&) {
                             tried_ = {base, head};
                             return trial_;
                           }};
  std::string base_commit_;
  int calls_ = 0;
};

TEST_F(Register, TriesAHeadBeforeItsVersionExists) {
  trial_ = Fail(user_error(Code::failed_precondition, "it ends its host"));
  const auto with = arguments();
  EXPECT_EQ(run(with).error().message, "it ends its host");
  EXPECT_FALSE(models_->resolve("default", "stamps", ""));
  ASSERT_EQ(tried_.size(), 2U);
  const auto base = models_->resolve("default", "efficientnet-lite0", "");
  EXPECT_EQ(tried_[0].digest, models_->as_artifact("default", *base)->digest);
  EXPECT_EQ(tried_[1].digest, with.find("model")->if_artifact()->digest);
}

TEST_F(Register, MakesAVersionWithCardAndProvenance) {
  const auto registered = run(arguments());
  ASSERT_OK(registered);
  EXPECT_EQ(*registered->find("name"), Value("stamps"));
  EXPECT_EQ(*registered->find("version"), Value(1));
  EXPECT_EQ(*registered->find("tag"), Value("v1"));
  EXPECT_EQ(*registered->find("created"), Value(true));
  const auto version = models_->resolve("default", "stamps", "champion");
  ASSERT_OK(version);
  EXPECT_EQ(*registered->find("commit"), Value(version->commit));
  EXPECT_EQ(version->run, "r1");
  EXPECT_EQ(version->description, "2 classes, accuracy 0.800 (0.700 to 0.900 at 95 %)");

  const auto metadata = read_front_matter(read("v1", "README.md"), "README.md");
  ASSERT_OK(metadata);
  EXPECT_EQ(metadata->text_at("license"), "apache-2.0") << "the base's";
  EXPECT_EQ(*metadata->find("datasets"), Value(List{"pictures@sha256:" + Digest::of("pictures").hex()}));
  EXPECT_THAT(read("v1", "README.md"), HasSubstr("![Confusion matrix](confusion.svg)"));
  EXPECT_EQ(read("v1", "confusion.svg"), "<svg/>");
  EXPECT_EQ(read("v1", "head.onnx"), "weights");

  const auto statement = parse_json(read("v1", "provenance.json"));
  ASSERT_TRUE(statement);
  std::vector<std::string> names;
  for (const auto& subject : *statement->find("subject")->if_list()) {
    names.push_back(subject.text_at("name"));
    EXPECT_EQ(subject.find("digest")->text_at("sha256"), Digest::of(read("v1", names.back())).hex())
        << names.back();
  }
  EXPECT_THAT(names,
              testing::ElementsAre("README.md", "confusion.svg", "head.onnx", "metrics.json", "model.json"));
}

TEST_F(Register, ReturnsTheExistingVersionForUnchangedContent) {
  const auto first = run(arguments(), "r1");
  ASSERT_OK(first);
  const auto again = run(arguments(), "r2");
  ASSERT_OK(again);
  EXPECT_EQ(*again->find("version"), Value(1));
  EXPECT_EQ(*again->find("created"), Value(false));
  EXPECT_EQ(*again->find("commit"), *first->find("commit"));
  EXPECT_THAT(read("v1", "README.md"), Not(HasSubstr("r1"))) << "a card names no run";

  write_head("other weights");
  const auto other = run(arguments(), "r3");
  ASSERT_OK(other);
  EXPECT_EQ(*other->find("version"), Value(2));
  EXPECT_EQ(models_->resolve("default", "stamps", "champion")->number, 2);
  EXPECT_EQ(*run(arguments(), "r3")->find("version"), Value(2)) << "the same effect";
}

TEST_F(Register, ReportAndMetricsAreOptional) {
  auto with = arguments();
  with.erase("report");
  with.erase("metrics");
  const auto registered = run(with);
  ASSERT_OK(registered);
  EXPECT_EQ(models_->resolve("default", "stamps", "")->description, "2 classes");
}

TEST_F(Register, RefusesNamesThatNoRegistryTakes) {
  auto with = arguments();
  with.set("name", "a/b");
  EXPECT_EQ(run(with).error().message,
            "`a/b` is not a valid model name: `/`, `:` and `@` are not allowed; use `-` instead");
  with.set("name", "");
  EXPECT_EQ(run(with).error().message, "`` is not a valid model name: a name needs at least one character");
  with.set("name", "a\nb");
  EXPECT_THAT(run(with).error().message, HasSubstr("control characters are not allowed"));
  with.set("name", std::string(1001, 'a'));
  EXPECT_THAT(run(with).error().message, HasSubstr("it is longer than 1,000 bytes"));
  with.set("name", "Étude in C, 3rd");
  EXPECT_TRUE(run(with));
}

TEST_F(Register, RefusesContentThatIsNotAModel) {
  auto with = arguments();
  with.set("model", stored("report", "model"));
  with.erase("report");
  EXPECT_EQ(run(with).error().message, "`model` has no model.json; give the model of head.learn");
  const auto file = objects_->put("a file");
  with.set("model", Artifact{.kind = "model", .digest = file->digest, .size = file->size});
  EXPECT_EQ(run(with).error().message, "`model` is a file; give a folder");
}

TEST_F(Register, RefusesNamesThatAreTaken) {
  write("report/model.json", "{}");
  EXPECT_EQ(run(arguments()).error().message,
            "report: the model already has a file `model.json`; rename one of them");
  fs::remove(root_.path() / "report/model.json");
  write("report/README.md", "mine");
  EXPECT_EQ(run(arguments()).error().message,
            "`README.md` is written by model.register; remove it from the model and the report");
}

TEST_F(Register, NeedsTheBaseForItsLicense) {
  base_commit_ = "0123456789012345678901234567890123456789";
  write_head("weights");
  EXPECT_EQ(run(arguments()).error().message,
            "the base model `efficientnet-lite0` at commit 012345678901 is not in this data folder, but "
            "its card states the license that applies to this one; import it first");
}

TEST_F(Register, NeedsTheFactsOfItsRun) {
  EXPECT_EQ(run(arguments(), "x9").error().message, "there is no run `x9`");
}

}  // namespace
}  // namespace sluice::models
