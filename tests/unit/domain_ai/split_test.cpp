#include "sluice/domain/ai/split.hpp"

#include <algorithm>
#include <set>

#include "data_folder.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/ai/dataset_split.hpp"

namespace sluice::ai {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> paths_of(const std::vector<LabeledPicture>& pictures) {
  std::vector<std::string> out;
  for (const auto& picture : pictures) out.push_back(picture.path);
  return out;
}

void add_class(const test::DataFolder& data, const std::string& label, int pictures) {
  for (int i = 0; i < pictures; ++i) data.picture(label + "/" + std::to_string(i) + ".png");
}

Split split_of(const test::DataFolder& data, std::int64_t learn = 5, std::int64_t seed = 7) {
  return test::value_of(draw_split(test::value_of(labeled_pictures(data.pictures())), learn, seed));
}

Error refusal_of(const test::DataFolder& data) {
  const auto pictures = labeled_pictures(data.pictures());
  EXPECT_FALSE(pictures);
  return pictures ? Error{} : pictures.error();
}

TEST(Split, DrawsLearnPicturesOfEachClassAndHoldsOutTheRest) {
  const test::DataFolder data;
  add_class(data, "fish", 11);
  add_class(data, "bird", 8);
  const auto split = split_of(data);
  EXPECT_THAT(split.classes, ElementsAre("bird", "fish"));
  EXPECT_EQ(split.learned.size(), 10U);
  EXPECT_EQ(split.held_out.size(), 9U);
  EXPECT_EQ(std::ranges::count(split.learned, "bird", &LabeledPicture::label), 5);
  auto all = paths_of(split.learned);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_TRUE(std::ranges::is_sorted(paths_of(split.held_out)));
  for (const auto& path : paths_of(split.held_out)) all.push_back(path);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 19U) << "each picture once";
}

// Its result is part of every cached run: it must not change.
TEST(Split, IsTheSameOnEveryMachine) {
  const test::DataFolder data;
  add_class(data, "bird", 6);
  add_class(data, "fish", 6);
  const auto split = split_of(data, 2, 7);
  EXPECT_THAT(paths_of(split.learned), ElementsAre("bird/4.png", "bird/5.png", "fish/1.png", "fish/4.png"));
  EXPECT_NE(paths_of(split_of(data, 2, 8).learned), paths_of(split.learned));
}

TEST(Split, AClassDoesNotDependOnTheOthers) {
  const test::DataFolder data;
  add_class(data, "bird", 6);
  add_class(data, "fish", 6);
  auto before = paths_of(split_of(data).held_out);
  add_class(data, "ant", 9);
  const auto after = paths_of(split_of(data).held_out);
  EXPECT_TRUE(std::ranges::includes(after, before));
}

TEST(Split, ASmallClassStillHoldsOneOut) {
  const test::DataFolder data;
  add_class(data, "bird", 2);
  add_class(data, "fish", 5);
  const auto split = split_of(data);
  EXPECT_EQ(std::ranges::count(split.held_out, "bird", &LabeledPicture::label), 1);
  EXPECT_EQ(std::ranges::count(split.held_out, "fish", &LabeledPicture::label), 1);
  EXPECT_EQ(split.learned.size(), 5U);
}

TEST(Split, IgnoresHiddenFilesAndTheCaseOfExtensions) {
  const test::DataFolder data;
  add_class(data, "bird", 2);
  data.picture(".DS_Store");
  data.picture("fish/.thumbs");
  data.picture("fish/a.JPG");
  data.picture("fish/b.webp");
  EXPECT_THAT(paths_of(*labeled_pictures(data.pictures())),
              ElementsAre("bird/0.png", "bird/1.png", "fish/a.JPG", "fish/b.webp"));
}

TEST(Split, RefusesAClassWithOnePicture) {
  const test::DataFolder data;
  add_class(data, "bird", 1);
  add_class(data, "fish", 3);
  EXPECT_EQ(refusal_of(data).message,
            "class `bird` has one picture; at least 2 are needed: one to learn from and one to hold out");
}

TEST(Split, RefusesFoldersWithFewerThanTwoClasses) {
  {
    const test::DataFolder data;
    EXPECT_EQ(refusal_of(data).message,
              "there are no pictures: the folder is empty; the expected layout is one subfolder per class, "
              "CLASS/NAME.png");
  }
  {
    const test::DataFolder data;
    add_class(data, "bird", 3);
    EXPECT_EQ(refusal_of(data).message, "there is only one class, `bird`; at least 2 are needed");
  }
}

TEST(Split, ReportsAllProblemsAtOnce) {
  const test::DataFolder data;
  add_class(data, "bird", 3);
  fs::create_directories(data.pictures() / "fish");
  data.picture("ant/deep/a.png");
  data.picture("bird/notes.txt");
  data.picture("readme.png");
  const auto error = refusal_of(data);
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.message,
            "`ant/deep` is a folder inside class `ant`; the expected layout is one subfolder per class, "
            "CLASS/NAME.png");
  EXPECT_THAT(
      error.notes,
      ElementsAre(
          "`bird/notes.txt` does not have a picture extension (.bmp .gif .jpeg .jpg .png .tif .tiff .webp); "
          "remove or rename it",
          "class `fish` has no pictures; add some, or remove the folder",
          "`readme.png` is not in a class folder; the expected layout is one subfolder per class, "
          "CLASS/NAME.png"));
}

TEST(DatasetSplit, StoresTheSplit) {
  test::DataFolder data;
  add_class(data, "bird", 7);
  add_class(data, "fish", 6);
  DatasetSplit service(data.objects());
  Struct with;
  with.set("pictures", data.stored_pictures());
  const auto outputs = data.run(service, with);
  ASSERT_OK(outputs);
  EXPECT_EQ(*outputs->find("classes"), Value(List{"bird", "fish"}));
  EXPECT_EQ(*outputs->find("learned"), Value(10));
  EXPECT_EQ(*outputs->find("held_out"), Value(3));
  const auto& artifact = *outputs->find("split")->if_artifact();
  EXPECT_EQ(artifact.kind, "split");
  EXPECT_EQ(artifact.form, Form::file);
  const auto json = parse_json(*data.objects().get(*artifact.digest));
  ASSERT_OK(json);
  EXPECT_EQ(json->integer_at("seed"), 7);
  EXPECT_EQ(json->find("held_out")->if_list()->front().text_at("label"), "bird");
  EXPECT_EQ(json->find("learned")->if_list()->size(), 10U);

  EXPECT_EQ(data.run(service, with)->find("split")->if_artifact()->digest, artifact.digest);
  EXPECT_EQ(*service.environment(with), Value(Struct{}));
}

TEST(DatasetSplit, RefusesArgumentsThatCannotWork) {
  test::DataFolder data;
  add_class(data, "bird", 3);
  add_class(data, "fish", 3);
  DatasetSplit service(data.objects());
  Struct with;
  with.set("pictures", data.stored_pictures());
  with.set("learn", 0);
  EXPECT_EQ(data.run(service, with).error().message, "learn is 0; it must be at least 1 picture per class");
  const auto file = data.objects().put("a file");
  with.set("pictures", Artifact{.digest = file->digest, .size = file->size});
  EXPECT_EQ(data.run(service, with).error().message,
            "`pictures` is a file; give the folder that holds the pictures");
}

}  // namespace
}  // namespace sluice::ai
