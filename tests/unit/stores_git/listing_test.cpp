#include <filesystem>

#include "models_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Listing : public ModelsTest {
 protected:
  using Names = std::vector<std::string>;

  void add(const std::string& name) { ASSERT_OK(models_->add_version(version(name))); }
  Names page(const std::string& after = "", std::size_t limit = 100) {
    return test::value_of(models_->models("default", {.after = after, .limit = limit}));
  }
  [[nodiscard]] fs::path repository(const std::string& name) const {
    return models_->path_of("default", name);
  }
};

TEST_F(Listing, OfModelsComesInPages) {
  EXPECT_THAT(page(), IsEmpty());
  const std::string longest(250, 'l');
  for (const auto* name : {"stamps", "bird", "möglich: ja?", "a"}) add(name);
  add(longest);
  EXPECT_THAT(page(), ElementsAre("a", "bird", longest, "möglich: ja?", "stamps"));
  EXPECT_THAT(page("", 2), ElementsAre("a", "bird"));
  EXPECT_THAT(page("bird", 2), ElementsAre(longest, "möglich: ja?"));
  EXPECT_THAT(page("bi"), ElementsAre("bird", longest, "möglich: ja?", "stamps"));
  EXPECT_THAT(page("stamps"), IsEmpty());
  EXPECT_THAT(page("", 0), IsEmpty());
}

TEST_F(Listing, ShowsWhatOthersChange) {
  add("a");
  EXPECT_THAT(page(), ElementsAre("a"));
  const auto other = open_models(*store_);
  ASSERT_OK(other->add_version(version("b")));
  const std::string longest(250, 'l');
  ASSERT_OK(other->add_version(version(longest)));
  EXPECT_THAT(page(), ElementsAre("a", "b", longest));
  fs::rename(repository(longest), root_->path() / "away");
  fs::rename(repository("b"), repository("c"));
  EXPECT_THAT(page(), ElementsAre("a", "c"));
  fs::remove_all(repository("a"));
  fs::rename(root_->path() / "away", repository(longest));
  EXPECT_THAT(page(), ElementsAre("c", longest));
  ASSERT_OK(os::write_file(repository("file"), "no repository"));
  EXPECT_THAT(page(), ElementsAre("c", longest));
}

TEST_F(Listing, BeginsAgainWhereTheFolderIsReplaced) {
  add("a");
  add("b");
  EXPECT_THAT(page(), ElementsAre("a", "b"));
  const auto folder = root_->path() / "data/models/default";
  fs::rename(folder, root_->path() / "away");
  EXPECT_THAT(page(), IsEmpty());
  fs::create_directory(folder);
  fs::rename(root_->path() / "away/b.git", folder / "b.git");
  EXPECT_THAT(page(), ElementsAre("b"));
  add("d");
  EXPECT_THAT(page(), ElementsAre("b", "d"));
}

TEST_F(Listing, OfVersionsReadsThePageOnly) {
  for (int i = 1; i <= 5; ++i) {
    write("README.md", "version " + std::to_string(i));
    add("stamps");
  }
  ASSERT_OK(models_->set_alias("default", "stamps", "old", 2, {}, {}));
  const auto found = test::value_of(models_->versions("default", "stamps", {.before = 5, .limit = 2}));
  EXPECT_EQ(found.total, 5U);
  EXPECT_THAT(found.aliases, ElementsAre(std::pair("champion", 5), std::pair("old", 2)));
  ASSERT_EQ(found.page.size(), 2U);
  EXPECT_EQ(found.page[0].number, 4);
  EXPECT_EQ(found.page[1].number, 3);
  EXPECT_THAT(found.page[1].aliases, IsEmpty());
  const auto last = test::value_of(models_->versions("default", "stamps", {.before = 3}));
  ASSERT_EQ(last.page.size(), 2U);
  EXPECT_THAT(last.page[0].aliases, ElementsAre("old"));
  EXPECT_THAT(test::value_of(models_->versions("default", "stamps", {.before = 1})).page, IsEmpty());
  EXPECT_THAT(test::value_of(models_->numbers("default", "stamps")), ElementsAre(5, 4, 3, 2, 1));
}

TEST_F(Listing, FindsTheVersionOfACommit) {
  add("stamps");
  write("README.md", "another");
  add("stamps");
  const auto first = test::value_of(models_->resolve("default", "stamps", "1"));
  const auto found = test::value_of(models_->find_commit("default", "stamps", first.commit));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->number, 1);
  EXPECT_EQ(test::value_of(models_->find_commit("default", "stamps", std::string(40, 'a'))), std::nullopt);
  EXPECT_EQ(models_->find_commit("default", "other", first.commit).error().code, Code::not_found);
}

}  // namespace
}  // namespace sluice::stores
