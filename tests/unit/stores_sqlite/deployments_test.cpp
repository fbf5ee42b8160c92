#include "ledger_fixture.hpp"
#include "result_assertions.hpp"

namespace sluice::stores {
namespace {

class SqliteDeployments : public LedgerTest {
 protected:
  ports::Deployment deployment(const std::string& endpoint, std::int64_t version) {
    return {.endpoint = endpoint,
            .principal = {.workspace = "default", .name = "ann"},
            .model = "stamps",
            .version = version,
            .commit = std::string(40, 'a'),
            .at = at(1234),
            .effect_key = "run/deploy"};
  }
};

TEST_F(SqliteDeployments, AreReplacedFoundListedAndRemoved) {
  ASSERT_OK(ledger_->put(deployment("b", 1)));
  ASSERT_OK(ledger_->put(deployment("a", 2)));
  ASSERT_OK(ledger_->put(deployment("b", 3)));
  ledger_.reset();
  ledger_ = open();
  const auto all = ledger_->list("default", {}).value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].endpoint, "a");
  EXPECT_EQ(all[1].endpoint, "b");
  const auto found = ledger_->find("default", "b").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, 3);
  EXPECT_EQ(found->model, "stamps");
  EXPECT_EQ(found->principal.name, "ann");
  EXPECT_EQ(found->commit, std::string(40, 'a'));
  EXPECT_EQ(found->at, at(1234));
  EXPECT_EQ(found->effect_key, "run/deploy");
  EXPECT_FALSE(ledger_->find("team", "b").value());
  EXPECT_TRUE(ledger_->list("team", {})->empty());
  EXPECT_TRUE(ledger_->remove("default", "b").value());
  EXPECT_FALSE(ledger_->remove("default", "b").value());
  EXPECT_FALSE(ledger_->find("default", "b").value());
}

TEST_F(SqliteDeployments, AreListedInPages) {
  for (const auto* endpoint : {"c", "a", "d", "b"}) ASSERT_OK(ledger_->put(deployment(endpoint, 1)));
  auto elsewhere = deployment("e", 1);
  elsewhere.principal.workspace = "team";
  ASSERT_OK(ledger_->put(elsewhere));
  const auto names = [&](const ports::NamePage& page) {
    std::vector<std::string> out;
    for (const auto& one : test::value_of(ledger_->list("default", page))) out.push_back(one.endpoint);
    return out;
  };
  EXPECT_THAT(names({.limit = 3}), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(names({.after = "c", .limit = 3}), testing::ElementsAre("d"));
  EXPECT_THAT(names({.after = "bb"}), testing::ElementsAre("c", "d"));
  EXPECT_THAT(names({.after = "d"}), testing::IsEmpty());
  EXPECT_EQ(test::value_of(ledger_->all()).size(), 5U);
}

}  // namespace
}  // namespace sluice::stores
