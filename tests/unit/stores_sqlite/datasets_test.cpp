#include "ledger_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/sqlite/sqlite_datasets.hpp"

namespace sluice::stores {
namespace {

using test::value_of;

class SqliteDatasetsTest : public LedgerTest {
 protected:
  static ports::DatasetVersion version(const std::string& name, const std::string& content,
                                       const std::string& workspace = "default") {
    ports::DatasetVersion made{.principal = {.workspace = workspace, .name = "ann"},
                               .name = name,
                               .kind = "pictures",
                               .content = {.kind = "any"},
                               .examples = 7,
                               .labels = 2,
                               .created = at(1000)};
    made.content.form = Form::directory;
    made.content.digest = Digest::of(content);
    made.content.size = 12;
    return made;
  }
  SqliteDatasets datasets() { return SqliteDatasets(ledger_->file()); }
};

TEST_F(SqliteDatasetsTest, VersionsAreNumberedFoundAndListed) {
  EXPECT_EQ(value_of(datasets().add(version("b", "1"))).number, 1);
  EXPECT_EQ(value_of(datasets().add(version("b", "2"))).number, 2);
  EXPECT_EQ(value_of(datasets().add(version("b", "2"))).number, 2);
  EXPECT_FALSE(value_of(datasets().add(version("b", "2"))).is_new);
  EXPECT_EQ(value_of(datasets().add(version("b", "1"))).number, 3);
  EXPECT_EQ(value_of(datasets().add(version("a", "1"))).number, 1);
  EXPECT_EQ(value_of(datasets().add(version("a", "1", "other"))).number, 1);
  ledger_.reset();
  ledger_ = open();
  const auto found = value_of(datasets().find("default", "b", 2));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->content.digest, Digest::of("2"));
  EXPECT_EQ(found->content.form, Form::directory);
  EXPECT_EQ(found->examples, 7);
  EXPECT_EQ(found->principal.name, "ann");
  EXPECT_EQ(value_of(datasets().find("default", "b", std::nullopt))->number, 3);
  EXPECT_FALSE(value_of(datasets().find("default", "b", 4)));
  const auto all = value_of(datasets().list("default", {.limit = 10}));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[1].number, 3);
  EXPECT_EQ(value_of(datasets().list("default", {.after = "a", .limit = 10})).size(), 1U);
  const auto versions = value_of(datasets().versions("default", "b", {.before = 3, .limit = 10}));
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].number, 2);
}

TEST_F(SqliteDatasetsTest, ANumberIsNotUsedAgain) {
  value_of(datasets().add(version("a", "1")));
  value_of(datasets().add(version("a", "2")));
  EXPECT_TRUE(value_of(datasets().remove("default", "a", 2)));
  EXPECT_FALSE(value_of(datasets().remove("default", "a", 2)));
  EXPECT_EQ(value_of(datasets().find("default", "a", std::nullopt))->number, 1);
  EXPECT_EQ(value_of(datasets().add(version("a", "2"))).number, 3);
  EXPECT_TRUE(value_of(datasets().remove("default", "a", 1)));
  EXPECT_TRUE(value_of(datasets().remove("default", "a", 3)));
  EXPECT_TRUE(value_of(datasets().list("default", {.limit = 10})).empty());
  EXPECT_EQ(value_of(datasets().add(version("a", "2"))).number, 4);
}

TEST_F(SqliteDatasetsTest, TheirContentIsNamedToSweeps) {
  value_of(datasets().add(version("a", "1")));
  value_of(datasets().add(version("a", "2")));
  value_of(datasets().add(version("b", "3", "other")));
  value_of(datasets().remove("default", "a", 1));
  std::vector<std::string> named;
  ASSERT_OK(ledger_->each_dataset([&](const ports::LedgerStorage::NamedObject& object) -> Result<void> {
    named.push_back(object.workspace + " " + object.path + " " + object.digest.hex().substr(0, 4));
    return {};
  }));
  EXPECT_EQ(named, (std::vector<std::string>{"default data set a@2 " + Digest::of("2").hex().substr(0, 4),
                                             "other data set b@1 " + Digest::of("3").hex().substr(0, 4)}));
}

}  // namespace
}  // namespace sluice::stores
