#include "sluice/domain/ai/split.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "data_folder.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/ai/dataset_split.hpp"
#include "sluice/domain/ai/split_warnings.hpp"

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

Result<std::vector<LabeledPicture>> labeled_pictures_of(test::DataFolder& data) {
  return labeled_pictures(test::value_of(picture_folder(data.objects(), data.stored_pictures(), "pictures")));
}

Split split_of(test::DataFolder& data, std::int64_t learn = 5, std::int64_t seed = 7) {
  return draw_split(test::value_of(labeled_pictures_of(data)), learn, seed);
}

Error refusal_of(test::DataFolder& data) {
  const auto pictures = labeled_pictures_of(data);
  EXPECT_FALSE(pictures);
  return pictures ? Error{} : pictures.error();
}

TEST(Split, DrawsLearnPicturesOfEachClassAndHoldsOutTheRest) {
  test::DataFolder data;
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
  test::DataFolder data;
  add_class(data, "bird", 6);
  add_class(data, "fish", 6);
  const auto split = split_of(data, 2, 7);
  EXPECT_THAT(paths_of(split.learned), ElementsAre("bird/4.png", "bird/5.png", "fish/1.png", "fish/4.png"));
  EXPECT_NE(paths_of(split_of(data, 2, 8).learned), paths_of(split.learned));
}

TEST(Split, AClassDoesNotDependOnTheOthers) {
  test::DataFolder data;
  add_class(data, "bird", 6);
  add_class(data, "fish", 6);
  auto before = paths_of(split_of(data).held_out);
  add_class(data, "ant", 9);
  const auto after = paths_of(split_of(data).held_out);
  EXPECT_TRUE(std::ranges::includes(after, before));
}

TEST(Split, ASmallClassStillHoldsOneOut) {
  test::DataFolder data;
  add_class(data, "bird", 3);
  add_class(data, "fish", 5);
  const auto split = split_of(data);
  EXPECT_EQ(std::ranges::count(split.held_out, "bird", &LabeledPicture::label), 1);
  EXPECT_EQ(std::ranges::count(split.held_out, "fish", &LabeledPicture::label), 1);
  EXPECT_EQ(split.learned.size(), 6U);
}

TEST(Split, PassesOverHiddenFilesAndLeftovers) {
  test::DataFolder data;
  add_class(data, "bird", 3);
  add_class(data, "fish", 3);
  for (const auto* name : {".DS_Store", "fish/.thumbs", "fish/Thumbs.db", "bird/desktop.ini",
                           "__MACOSX/bird/._0.png", ".real/0.png", "bird/.ipynb_checkpoints/0.png"})
    data.picture(name);
  EXPECT_THAT(paths_of(*labeled_pictures_of(data)), ElementsAre("bird/0.png", "bird/1.png", "bird/2.png",
                                                                "fish/0.png", "fish/1.png", "fish/2.png"));
}

TEST(Split, TakesWhatIsAPictureByNameOrByContent) {
  test::DataFolder data;
  add_class(data, "bird", 3);
  data.picture("fish/a.JPG");
  data.picture("fish/b.jfif");
  data.picture("fish/no extension", "\x89PNG\r\n\x1a\n and so on");
  data.picture("fish/d.txt", "GIF89a and so on");
  EXPECT_THAT(paths_of(*labeled_pictures_of(data)),
              ElementsAre("bird/0.png", "bird/1.png", "bird/2.png", "fish/a.JPG", "fish/b.jfif", "fish/d.txt",
                          "fish/no extension"));
}

TEST(Split, FollowsSymlinksInsideTheFolder) {
  test::DataFolder data;
  add_class(data, ".real", 3);
  add_class(data, "fish", 2);
  fs::create_directory_symlink(".real", data.pictures() / "bird");
  fs::create_symlink("../.real/0.png", data.pictures() / "fish/link.png");
  EXPECT_THAT(paths_of(*labeled_pictures_of(data)), ElementsAre("bird/0.png", "bird/1.png", "bird/2.png",
                                                                "fish/0.png", "fish/1.png", "fish/link.png"));
}

TEST(Split, NamesAllClassesThatAreTooSmall) {
  test::DataFolder data;
  add_class(data, "ant", 2);
  add_class(data, "bird", 1);
  add_class(data, "fish", 3);
  const auto error = refusal_of(data);
  EXPECT_EQ(error.message,
            "class `ant` has 2 pictures; at least 3 are needed: 2 to learn from and one to hold out");
  EXPECT_THAT(error.notes,
              ElementsAre("class `bird` has 1 picture; at least 3 are needed: 2 to learn from and one to "
                          "hold out"));
}

TEST(Split, RefusesFoldersWithFewerThanTwoClasses) {
  {
    test::DataFolder data;
    EXPECT_EQ(refusal_of(data).message,
              "there are no pictures: the folder is empty; the expected layout is one subfolder per class, "
              "CLASS/NAME.png");
  }
  {
    test::DataFolder data;
    add_class(data, "bird", 3);
    EXPECT_EQ(refusal_of(data).message, "there is only one class, `bird`; at least 2 are needed");
  }
}

TEST(Split, ReportsAllProblemsAtOnce) {
  test::DataFolder data;
  add_class(data, "bird", 3);
  fs::create_directories(data.pictures() / "fish");
  for (const auto* name : {"ant/deep/a.png", "ant/deep/b.png", "ant/c.png", "bird/notes.txt", "readme.png"})
    data.picture(name);
  fs::create_symlink("missing.png", data.pictures() / "bird/l.png");
  const auto error = refusal_of(data);
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.message,
            "`ant/deep` is a folder inside class `ant`; the expected layout is one subfolder per class, "
            "CLASS/NAME.png");
  EXPECT_THAT(
      error.notes,
      ElementsAre("`bird/l.png` is a symlink that leads nowhere; remove it, or put the picture in its place",
                  "`bird/notes.txt` is not a picture; remove it, or list it in .sluiceignore",
                  "class `fish` has no pictures; add some, or remove the folder",
                  "`readme.png` is not in a class folder; the expected layout is one subfolder per class, "
                  "CLASS/NAME.png"));
}

std::vector<std::string> warnings(test::DataFolder& data) { return warnings_of(split_of(data, 2)); }

TEST(SplitWarnings, NameAPictureInTwoClasses) {
  test::DataFolder data;
  for (const auto* name :
       {"bird/0.png", "bird/1.png", "bird/2.png", "fish/0.png", "fish/1.png", "fish/2.png"})
    data.picture(name, name);
  EXPECT_THAT(warnings(data), testing::IsEmpty());
  data.picture("fish/3.png", "bird/1.png");
  EXPECT_THAT(
      warnings(data),
      ElementsAre("`bird/1.png` and `fish/3.png` are the same picture in two classes; remove one of them"));
}

TEST(SplitWarnings, NameAPictureThatIsLearnedAndHeldOut) {
  test::DataFolder data;
  for (const auto* name : {"fish/0.png", "fish/1.png", "fish/2.png"}) data.picture(name, name);
  for (const auto* name : {"bird/0.png", "bird/1.png", "bird/2.png"}) data.picture(name, "the same");
  EXPECT_THAT(
      warnings(data),
      ElementsAre(HasSubstr(", which is held out, are the same picture; remove one of them, or the accuracy "
                            "looks better than it is")));
}

TEST(SplitWarnings, NameClassesThatLookTheSame) {
  test::DataFolder data;
  for (const auto* label : {"M\xc3\xb6we", "Mo\xcc\x88we", "Moewe"})
    for (int i = 0; i < 3; ++i)
      data.picture(fmt::format("{}/{}.png", label, i), fmt::format("{} {}", label, i));
  EXPECT_THAT(warnings(data),
              ElementsAre("classes `Mo\xcc\x88we` and `M\xc3\xb6we` look the same, but their names are "
                          "spelled with different characters (Mo%CC%88we and M%C3%B6we); put their "
                          "pictures into one folder"));
}

TEST(SplitWarnings, AreBounded) {
  test::DataFolder data;
  for (const auto* label : {"bird", "fish"})
    for (int i = 0; i < 120; ++i) data.picture(fmt::format("{}/{}.png", label, i), std::to_string(i));
  const auto all = warnings(data);
  EXPECT_EQ(all.size(), 101U);
  EXPECT_EQ(all.back(), "and 20 more");
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
  EXPECT_EQ(data.run(service, with).error().message, "learn is 0; it must be at least 2 pictures per class");
  EXPECT_EQ(service.check(with).error().message, "learn is 0; it must be at least 2 pictures per class");
  with.set("learn", 2);
  const auto file = data.objects().put("a file");
  with.set("pictures", Artifact{.digest = file->digest, .size = file->size});
  EXPECT_EQ(data.run(service, with).error().message,
            "`pictures` is a file; give the folder that holds the pictures");
  EXPECT_EQ(service.check(with).error().message,
            "`pictures` is a file; give the folder that holds the pictures");
}

TEST(DatasetSplit, ChecksWhatIsKnownBeforeTheRun) {
  test::DataFolder data;
  add_class(data, "bird", 3);
  add_class(data, "fish", 2);
  const DatasetSplit service(data.objects());
  EXPECT_OK(service.check({}));
  Struct known;
  known.set("pictures", data.stored_pictures());
  EXPECT_EQ(service.check(known).error().message,
            "class `fish` has 2 pictures; at least 3 are needed: 2 to learn from and one to hold out");
}

}  // namespace
}  // namespace sluice::ai
