#include "sluice/stores/git/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::stores::git {
namespace {

TEST(Names, BecomeOneSegmentAndRoundTrip) {
  const std::pair<std::string, std::string> cases[] = {{"stamps", "stamps"},
                                                       {"a.b_c-d", "a.b_c-d"},
                                                       {".", "%2E"},
                                                       {"..", "%2E%2E"},
                                                       {".hidden", "%2Ehidden"},
                                                       {"-rf", "%2Drf"},
                                                       {"a..b", "a.%2Eb"},
                                                       {"a.", "a%2E"},
                                                       {"x.git", "x%2Egit"},
                                                       {"x.lock", "x%2Elock"},
                                                       {"x.lock.git", "x.lock%2Egit"},
                                                       {"a/b", "a%2Fb"},
                                                       {"two words", "two%20words"},
                                                       {"line\nbreak", "line%0Abreak"},
                                                       {"100%", "100%25"},
                                                       {"é", "%C3%A9"},
                                                       {"a=b", "a%3Db"},
                                                       {"@{", "%40%7B"},
                                                       {std::string("nul\0", 4), "nul%00"}};
  for (const auto& [name, encoded] : cases) {
    EXPECT_EQ(encode_name(name), encoded);
    EXPECT_EQ(decode_name(encoded), name);
  }
  EXPECT_EQ(decode_name("%61"), std::nullopt);  // no second spelling of `a`
  EXPECT_EQ(decode_name("a%2"), std::nullopt);
}

TEST(Names, ThatAreLongAreTruncatedAndStayDifferent) {
  const auto one = encode_name(std::string(4000, 'a'));
  const auto two = encode_name(std::string(4001, 'a'));
  EXPECT_EQ(one.size(), 165U);
  EXPECT_NE(one, two);
  EXPECT_EQ(one.substr(0, 101), std::string(100, 'a') + "=");
  EXPECT_EQ(decode_name(one), std::nullopt);
  for (int shift = 0; shift < 3; ++shift) {
    const auto encoded =
        encode_name(std::string(static_cast<std::size_t>(shift), 'x') + std::string(300, ' '));
    EXPECT_TRUE(encoded.substr(0, encoded.find('=')).ends_with("%20")) << encoded;
  }
}

TEST(Names, ReadWellInMessages) {
  EXPECT_EQ(subject_of(" a\n\tb\x01"), "a b");
  EXPECT_EQ(subject_of(std::string(99, 'x') + "éé"), std::string(99, 'x') + "…");
  EXPECT_EQ(identity_of({}), "default <default@default>");
  EXPECT_EQ(identity_of({.workspace = "team <x>", .name = "Ann\n<a@b> .;"}), "Ann a@b <Annab@teamx>");
  EXPECT_EQ(identity_of({.workspace = "", .name = "<>\n"}), "unknown <unknown@unknown>");
}

TEST(Names, ThatGitReservesAreRecognized) {
  for (const auto* name : {".git", ".GIT", ".Git ", ".git.", "git~1", ".git::$INDEX_ALLOCATION", ".g\u200cit",
                           "a\\.git", ".gitmodules", ".GitModules"})
    EXPECT_TRUE(is_reserved_file_name(name)) << name;
  for (const auto* name : {".gitattributes", ".gitignore", "git", "model.git", ".git2"})
    EXPECT_FALSE(is_reserved_file_name(name)) << name;
}

}  // namespace
}  // namespace sluice::stores::git
