#include "access_stage.hpp"
#include "sluice/os/files.hpp"

namespace sluice::access {
namespace {

using ports::Role;
using ::testing::HasSubstr;

const Principal owner{.name = "owner"};

TEST(Access, KnowsTheTokensThatWereAdded) {
  AccessStage stage;
  auto access = stage.open();
  EXPECT_FALSE(access->any());
  const auto secret = test::value_of(access->add({.name = "ci", .role = Role::run}, owner));
  EXPECT_THAT(secret, testing::MatchesRegex("sluice_[0-9a-f]{64}"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(access->any());
    const auto caller = access->caller_of(secret);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->principal.name, "ci");
    EXPECT_EQ(caller->role, Role::run);
    EXPECT_FALSE(access->caller_of(secret + "0"));
    EXPECT_FALSE(access->caller_of(""));
    access = stage.open();  // what was added is there after a restart
  }
  const auto listed = access->list();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].by, "owner");
  EXPECT_EQ(listed[0].created, stage.clock.now());
}

TEST(Access, StoresNoSecret) {
  AccessStage stage;
  const auto secret = test::value_of(stage.open()->add({.name = "ci", .role = Role::run}, owner));
  stage.ledger.reset();
  for (const auto* name : {"ledger.db", "ledger.db-wal"}) {
    const auto bytes = os::read_file(stage.folder.path() / name, 1 << 24);
    if (bytes) EXPECT_EQ(bytes->find(secret.substr(7)), std::string::npos) << name;
  }
}

TEST(Access, EndsWithTheTokensLifetime) {
  AccessStage stage;
  auto access = stage.open();
  const auto secret = test::value_of(access->add({.name = "ci", .lifetime = std::chrono::hours(1)}, owner));
  stage.clock.jump(std::chrono::minutes(59));
  EXPECT_TRUE(access->caller_of(secret));
  stage.clock.jump(std::chrono::minutes(1));
  EXPECT_FALSE(access->caller_of(secret));
  EXPECT_FALSE(access->any());
  EXPECT_EQ(access->list().size(), 1U) << "it is listed until it is revoked";
  EXPECT_EQ(access->add({.name = "x", .lifetime = Milliseconds(0)}, owner).error().message,
            "a token expires after a millisecond at least and ten years at most");
}

TEST(Access, EndsWhenTheTokenIsRevoked) {
  AccessStage stage;
  auto access = stage.open();
  const auto secret = test::value_of(access->add({.name = "ci", .role = Role::admin}, owner));
  EXPECT_EQ(access->revoke("cl").error().message,
            "there is no token `cl`; did you mean `ci`?; `sluice token list` names them");
  ASSERT_OK(access->revoke("ci"));
  EXPECT_FALSE(access->caller_of(secret));
  EXPECT_FALSE(stage.open()->caller_of(secret));
  EXPECT_OK(access->add({.name = "ci"}, owner)) << "the name is free again";
}

TEST(Access, RefusesNamesThatAreTakenOrInvalid) {
  AccessStage stage;
  auto access = stage.open();
  ASSERT_OK(access->add({.name = "ann@example.org"}, owner));
  EXPECT_EQ(access->add({.name = "ann@example.org"}, owner).error().message,
            "there is a token `ann@example.org`; choose another name, or revoke it: sluice token revoke "
            "ann@example.org");
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\n"), std::string("owner"), std::string("operator"),
        std::string("-x"), std::string(64, 'a'), std::string("\xc3\xa9")})
    EXPECT_THAT(access->add({.name = name}, owner).error().message,
                HasSubstr("is not a valid name of a token"))
        << name;
}

TEST(Access, KnowsTheOperatorsToken) {
  AccessStage stage;
  const auto access = stage.open("a-long-enough-secret");
  EXPECT_TRUE(access->any());
  EXPECT_EQ(access->caller_of("a-long-enough-secret")->principal.name, "operator");
  EXPECT_EQ(access->caller_of("a-long-enough-secret")->role, Role::admin);
  EXPECT_FALSE(stage.open()->any()) << "it is not stored";
}

TEST(Access, IsBounded) {
  AccessStage stage;
  auto access = stage.open();
  for (std::size_t i = 0; i < Access::tokens_max; ++i)
    ASSERT_OK(
        stage.tables.add_token({.name = "t" + std::to_string(i), .secret = Digest::of(std::to_string(i))}));
  access = stage.open();
  EXPECT_EQ(access->add({.name = "more"}, owner).error().code, Code::exhausted);
}

}  // namespace
}  // namespace sluice::access
