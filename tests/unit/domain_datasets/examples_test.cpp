#include "sluice/domain/datasets/examples.hpp"

#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"

namespace sluice::datasets {
namespace {

using test::error_of;
using test::value_of;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view picture = "\x89PNG\r\n\x1a\n";

class ExamplesTest : public ::testing::Test {
 protected:
  /// The examples of a folder with these files.
  Result<Examples> read(const std::vector<std::pair<std::string, std::string>>& files) {
    std::vector<ports::TreeFile> tree;
    for (const auto& [path, bytes] : files) {
      const auto stored = value_of(store_->put(bytes));
      tree.push_back({.path = path, .digest = stored.digest, .size = stored.size});
    }
    const auto stored = value_of(store_->put_tree(tree));
    Artifact folder;
    folder.form = Form::directory;
    folder.digest = stored.digest;
    return read_examples(*store_, folder);
  }

  SystemClock clock_;
  os::TemporaryDirectory root_ =
      value_of(os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-test-"));
  std::unique_ptr<stores::DirectoryObjectStore> store_ =
      value_of(stores::DirectoryObjectStore::open(root_.path() / "objects", root_.path() / "cache", clock_));
};

TEST_F(ExamplesTest, SubFoldersAreLabels) {
  const auto found = value_of(read({{"dog/1.png", std::string(picture) + "1"},
                                    {"cat/2.png", std::string(picture) + "2"},
                                    {".git/x", "y"}}));
  EXPECT_EQ(found.kind, Kind::pictures);
  EXPECT_THAT(found.labels, ElementsAre("cat", "dog"));
  ASSERT_EQ(found.all.size(), 2U);
  EXPECT_EQ(
      found.all[0],
      (Example{.path = "cat/2.png", .digest = Digest::of(std::string(picture) + "2"), .labels = {"cat"}}));
  EXPECT_EQ(value_of(read({{"good/1.txt", "fine"}, {"bad/1.txt", "awful"}})).kind, Kind::texts);
}

TEST_F(ExamplesTest, ATableGivesFilesSeveralLabels) {
  const auto found = value_of(read({{"labels.csv", "file,label\nb.png,dog;cat\na/c.png,cat\n"},
                                    {"b.png", std::string(picture)},
                                    {"a/c.png", std::string(picture) + "c"}}));
  ASSERT_EQ(found.all.size(), 2U);
  EXPECT_EQ(found.all[0].path, "a/c.png");
  EXPECT_THAT(found.all[1].labels, ElementsAre("cat", "dog"));
}

TEST_F(ExamplesTest, ATableOfTextsIsOneFile) {
  const auto found = value_of(read({{"texts.csv", "text,label\nfine,good\n\"awful,\nreally\",bad\n"}}));
  EXPECT_EQ(found.kind, Kind::texts);
  ASSERT_EQ(found.all.size(), 2U);
  EXPECT_EQ(found.all[1],
            (Example{.path = "texts.csv:3", .digest = Digest::of("awful,\nreally"), .labels = {"bad"}}));
}

TEST_F(ExamplesTest, EverythingThatIsWrongIsNamed) {
  const auto folders = error_of(read({{"1.png", std::string(picture)},
                                      {"cat/a/2.png", std::string(picture)},
                                      {"cat/3.png", std::string(picture)}}));
  std::vector<std::string> all = folders.notes;
  all.push_back(folders.message);
  EXPECT_THAT(all,
              testing::UnorderedElementsAre("`1.png` is not in the folder of a label; the expected layout is "
                                            "one sub-folder for each label, LABEL/NAME",
                                            "`cat/a/2.png` is in a folder inside that of label `cat`; the "
                                            "expected layout is one sub-folder for each label, LABEL/NAME"));
  EXPECT_EQ(error_of(read({{"cat/1.png", std::string(picture)}, {"cat/2.txt", "x"}})).message,
            "there are pictures and texts (`cat/1.png`, `cat/2.txt`); make a data set of each");
  EXPECT_EQ(error_of(read({{"cat/1.doc", "x"}})).message,
            "`cat/1.doc` is neither a picture nor a text (.txt); remove it, or list it in .sluiceignore");
  EXPECT_THAT(error_of(read({})).message, HasSubstr("there are no pictures and no texts"));
  const auto table = error_of(read({{"labels.csv", "a.png,x\nb.png,y\na.png,z\n"},
                                    {"a.png", std::string(picture)},
                                    {"c.png", std::string(picture) + "c"}}));
  EXPECT_EQ(table.message, "labels.csv:2: there is no file `b.png`");
  EXPECT_THAT(table.notes,
              ElementsAre("labels.csv:3: `a.png` has its labels in line 1 already; give them in one row, "
                          "with `;` between them",
                          "labels.csv: no row names the file `c.png`; give it a label, or leave it out"));
}

}  // namespace
}  // namespace sluice::datasets
