#include <cmath>

#include "data_folder.hpp"
#include "drawings.hpp"
#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/ai/dataset_split.hpp"
#include "sluice/domain/ai/head_learn.hpp"
#include "sluice/domain/ai/image_embed.hpp"
#include "sluice/domain/serving/hosts.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"

namespace sluice::ai {
namespace {

namespace fs = std::filesystem;

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// A data folder with the built-in base model, and the services on a real host.
class Heads : public testing::Test {
 protected:
  void SetUp() override {
    const auto imported = data_.models().import_repository(
        "default", "efficientnet-lite0", test::source("build/models/efficientnet-lite0.git"));
    ASSERT_OK(imported);
  }
  void draw_pictures() const {
    for (int i = 0; i < 5; ++i) {
      const auto name = "/" + std::to_string(i) + ".tif";
      const int period = 6 + i;
      data_.picture("stripes" + name, test::drawing([=](int x, int) { return x / period % 2 * 255; }));
      data_.picture("disc" + name, test::drawing([=](int x, int y) {
                      return std::hypot(x - 32, y - 32) < 10 + 3 * i ? 0 : 255;
                    }));
    }
  }
  Result<Struct> embed() {
    Struct with;
    with.set("pictures", data_.stored_pictures());
    return data_.run(embed_, with);
  }
  Result<Struct> split(int learn) {
    DatasetSplit service(data_.objects());
    Struct with;
    with.set("pictures", data_.stored_pictures());
    with.set("learn", learn);
    return data_.run(service, with);
  }
  Value read(const Struct& outputs, std::string_view name) {
    const auto text = data_.objects().get(*outputs.find(name)->if_artifact()->digest);
    return *parse_json(*text);
  }

  test::DataFolder data_;
  runtimes::HostedRuntime runtime_{test::sanitized_host()};
  serving::Hosts hosts_{runtime_, data_.objects(), data_.clock(), {.cache = data_.path() / "cache"}};
  BaseModels bases_{data_.models()};
  ImageEmbed embed_{data_.objects(), bases_, hosts_, this_platform(), data_.path() / "cache/features"};
  HeadLearn learn_{data_.objects(), bases_, hosts_, this_platform()};
};

TEST_F(Heads, AreLearnedFromAFewPictures) {
  draw_pictures();
  const auto embedded = embed();
  ASSERT_OK(embedded);
  EXPECT_EQ(*embedded->find("count"), Value(10));
  const auto& features = *embedded->find("features")->if_artifact();
  EXPECT_EQ(features.kind, "features");
  EXPECT_EQ(features.metadata->find("base")->text_at("repository"), "efficientnet-lite0");

  const auto drawn = split(3);
  ASSERT_OK(drawn);
  Struct with;
  with.set("features", features);
  with.set("split", *drawn->find("split"));
  const auto learned = data_.run(learn_, with);
  ASSERT_OK(learned);
  EXPECT_EQ(learned->find("summary")->integer_at("seed"), 7);
  EXPECT_EQ(learned->find("summary")->number_at("keep"), 0.9);
  const auto predictions = read(*learned, "predictions");
  ASSERT_EQ(predictions.find("predictions")->if_list()->size(), 4U);
  for (const auto& row : *predictions.find("predictions")->if_list())
    EXPECT_EQ(row.text_at("predicted"), row.text_at("label"));

  const auto& model = *learned->find("model")->if_artifact();
  EXPECT_EQ(model.kind, "model");
  const auto folder = data_.objects().materialize(model);
  ASSERT_TRUE(folder);
  const auto description = parse_json(*os::read_file(*folder / "model.json"));
  ASSERT_TRUE(description);
  const auto base = data_.models().resolve("default", "efficientnet-lite0", "");
  EXPECT_EQ(description->find("base")->text_at("commit"), base->commit);
  EXPECT_TRUE(fs::exists(*folder / "head.onnx"));

  EXPECT_EQ(data_.run(learn_, with)->find("model")->if_artifact()->digest, model.digest)
      << "the same inputs give the same model";
}

TEST_F(Heads, AreLearnedFromEverythingAndAppraised) {
  draw_pictures();
  const auto embedded = embed();
  ASSERT_OK(embedded);
  List pictures;
  for (const std::string label : {"disc", "stripes"})
    for (int i = 0; i < 5; ++i) {
      Struct entry;
      entry.set("path", label + "/" + std::to_string(i) + ".tif");
      entry.set("label", label);
      pictures.emplace_back(std::move(entry));
    }
  Struct split;
  split.set("classes", List{"disc", "stripes"});
  split.set("learned", std::move(pictures));
  split.set("held_out", List{});
  const auto stored = data_.objects().put(to_json(split));
  ASSERT_OK(stored);
  Struct with;
  with.set("features", *embedded->find("features"));
  with.set("split",
           Artifact{.kind = "split", .digest = stored->digest, .size = stored->size, .name = "split.json"});
  const auto plain = data_.run(learn_, with);
  ASSERT_OK(plain);
  EXPECT_EQ(plain->find("appraisal"), nullptr);

  with.set("appraise", true);
  const auto learned = data_.run(learn_, with);
  ASSERT_OK(learned);
  EXPECT_EQ(learned->find("summary")->integer_at("learned"), 10);
  EXPECT_EQ(learned->find("appraisal")->if_artifact()->kind, "appraisal");
  const auto appraisal = read(*learned, "appraisal");
  EXPECT_EQ(appraisal.integer_at("examples"), 10);
  EXPECT_EQ(appraisal.find("classes")->if_list()->size(), 2U);
  EXPECT_EQ(learned->find("model")->if_artifact()->digest, plain->find("model")->if_artifact()->digest);
}

TEST_F(Heads, NameAPictureThatCannotBeRead) {
  draw_pictures();
  data_.picture("disc/broken.png", "no picture at all");
  const auto embedded = embed();
  ASSERT_FALSE(embedded);
  EXPECT_EQ(embedded.error().blame, Blame::user);
  EXPECT_THAT(embedded.error().message, HasSubstr("disc/broken.png"));
}

TEST_F(Heads, NameAllPicturesThatCannotBeRead) {
  draw_pictures();
  data_.picture("disc/broken.png", "no picture at all");
  data_.picture("stripes/cut.gif", "GIF89a");
  data_.picture("stripes/notes.txt", "passed over");
  fs::create_symlink("missing.png", data_.pictures() / "disc/l.png");
  const auto embedded = embed();
  ASSERT_FALSE(embedded);
  EXPECT_EQ(embedded.error().message,
            "`disc/l.png` is a symlink that leads nowhere; remove it, or put the picture in its place");
  EXPECT_THAT(embedded.error().notes,
              testing::ElementsAre(StartsWith("disc/broken.png: "), StartsWith("stripes/cut.gif: ")));
}

TEST_F(Heads, NameAPictureWhoseStoredBytesAreDamaged) {
  draw_pictures();
  Struct with;
  with.set("pictures", data_.stored_pictures());
  const auto digest = Digest::of(os::read_file(data_.pictures() / "disc/0.tif").value());
  const auto object = data_.objects().path_of(digest);
  fs::permissions(object, fs::perms::owner_all);
  ASSERT_OK(os::write_file(object, "other bytes"));
  const auto embedded = data_.run(embed_, with);
  ASSERT_FALSE(embedded);
  EXPECT_THAT(embedded.error().message, AllOf(StartsWith("disc/0.tif: "), HasSubstr(digest.hex())));
}

TEST_F(Heads, EmbedPicturesThatAreKnownWithoutReadingThem) {
  draw_pictures();
  const auto before = embed();
  ASSERT_OK(before);
  data_.picture("disc/new.tif", test::drawing([](int x, int y) { return (x + y) % 256; }));
  Struct with;
  with.set("pictures", data_.stored_pictures());
  // Proof that they are not read: they are gone.
  for (int i = 0; i < 5; ++i)
    for (const std::string name : {"stripes", "disc"})
      fs::remove(data_.objects().path_of(
          Digest::of(os::read_file(data_.pictures() / name / (std::to_string(i) + ".tif")).value())));
  const auto after = data_.run(embed_, with);
  ASSERT_OK(after);
  EXPECT_EQ(*after->find("count"), Value(11));
  const auto rows = [&](const Struct& outputs) {
    const auto folder = data_.objects().materialize(*outputs.find("features")->if_artifact());
    return os::read_file(*folder / "features.npy").value().substr(128);
  };
  const auto known = rows(*before);
  const auto all = rows(*after);
  constexpr std::size_t row = 1280 * sizeof(float);
  EXPECT_EQ(all.size(), 11 * row);
  EXPECT_EQ(all.substr(0, 5 * row), known.substr(0, 5 * row));
  EXPECT_EQ(all.substr(6 * row), known.substr(5 * row)) << "the new one is the sixth";
}

TEST_F(Heads, SeeTheSamePicturesBehindSymlinksAsTheSplit) {
  draw_pictures();
  fs::rename(data_.pictures() / "disc", data_.pictures() / ".real");
  fs::create_directory_symlink(".real", data_.pictures() / "disc");
  const auto embedded = embed();
  ASSERT_OK(embedded);
  const auto drawn = split(3);
  ASSERT_OK(drawn);
  Struct with;
  with.set("features", *embedded->find("features"));
  with.set("split", *drawn->find("split"));
  EXPECT_OK(data_.run(learn_, with));
}

TEST_F(Heads, RefuseUnknownAndUnfitBaseModels) {
  draw_pictures();
  Struct with;
  with.set("pictures", data_.stored_pictures());
  with.set("model", "efficientnet-lite1");
  EXPECT_EQ(data_.run(embed_, with).error().message,
            "unknown base model `efficientnet-lite1`; did you mean `efficientnet-lite0`?; models: "
            "efficientnet-lite0");

  fs::create_directories(data_.path() / "text");
  ASSERT_OK(os::write_file(data_.path() / "text/model.json", "{}\n"));
  ASSERT_TRUE(data_.models().add_version({.model = "sentiment", .content = data_.path() / "text"}));
  with.set("model", "sentiment");
  EXPECT_EQ(data_.run(embed_, with).error().message,
            "model `sentiment` v1 cannot embed pictures: its model.json has no tap `features`; name a base "
            "model such as "
            "`efficientnet-lite0`");
}

TEST_F(Heads, AreNotTrainedOnFeaturesOfAnotherModel) {
  Struct elsewhere;
  elsewhere.set("repository", "other");
  elsewhere.set("commit", "0123456789abcdef");
  Struct made_by;
  made_by.set("base", elsewhere);
  Artifact features{.kind = "features", .form = Form::directory, .digest = Digest::of("")};
  features.metadata = std::make_shared<const Struct>(made_by);
  Struct with;
  with.set("features", features);
  with.set("split", Artifact{.kind = "split", .digest = Digest::of("")});
  EXPECT_THAT(
      data_.run(learn_, with).error().message,
      AllOf(
          StartsWith("the features were computed with `other` at commit 0123456789ab, but the head is to be "
                     "trained on `efficientnet-lite0` at commit "),
          HasSubstr("; embed the pictures with that model")));
  with.set("keep", 1.5);
  EXPECT_EQ(
      data_.run(learn_, with).error().message,
      "keep is 1.5; it is the fraction of correct predictions to keep and must be above 0 and at most 1");
}

TEST_F(Heads, CacheKeysNameBaseRuntimeAndInstructionSet) {
  const auto environment = embed_.environment({});
  ASSERT_OK(environment);
  EXPECT_EQ(*environment, *learn_.environment({}));
  const auto base = data_.models().resolve("default", "efficientnet-lite0", "");
  EXPECT_EQ(environment->find("base")->text_at("commit"), base->commit);
  EXPECT_EQ(environment->find("base")->text_at("digest").size(), 64U);

  // The values that they give without starting a host are those that a host reports.
  auto files = data_.models().as_artifact("default", *base);
  ASSERT_OK(files);
  auto host = hosts_.acquire_and_wait({.base = *files}, {});
  ASSERT_OK(host);
  const auto hello = serving::call_and_wait(*host, "hello", Struct{}, {}, {});
  ASSERT_OK(hello);
  EXPECT_THAT(hello->result.text_at("runtime"), StartsWith(environment->text_at("runtime")));
  EXPECT_EQ(hello->result.text_at("instruction_set"), environment->text_at("instruction_set"));
}

TEST_F(Heads, StopWhenTheRunIsCancelled) {
  draw_pictures();
  std::stop_source cancel;
  cancel.request_stop();
  Struct with;
  with.set("pictures", data_.stored_pictures());
  EXPECT_EQ(data_.run(embed_, with, cancel.get_token()).error().code, Code::cancelled);
}

}  // namespace
}  // namespace sluice::ai
