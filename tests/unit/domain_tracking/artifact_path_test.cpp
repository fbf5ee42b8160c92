#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/domain/tracking/artifact_files.hpp"

namespace sluice::tracking {
namespace {

using namespace std::string_view_literals;

TEST(ArtifactPath, IsNamesWithSlashesBetweenThem) {
  for (const auto& [written, stored] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"", ""},
           {"a", "a"},
           {"a//b/./c/", "a/b/c"},
           {"sub dir/ünder/note (1) & more.txt", "sub dir/ünder/note (1) & more.txt"},
           {"100%", "100%"},
           {"a..b/..c/d..", "a..b/..c/d.."},
           {"back\\slash", "back\\slash"},
           {"a:b", "a:b"},
       })
    EXPECT_EQ(test::value_of(checked_artifact_path(written)), stored);
}

TEST(ArtifactPath, StaysBelowTheRoot) {
  for (const auto path : {"..", "../x", "a/..", "a/../../b", "/etc/passwd", "%2e%2e/x", "%252e%252e%252fx",
                          "a/%2e%2e", "\\x", "a/\\x", "..\\x", "a/..\\x", "a\\..\\..\\x", "..%5cx",
                          "..%255cx", "C:\\x", "a/C:\\x", "%2fetc", "%252fetc"})
    EXPECT_EQ(test::error_of(checked_artifact_path(path)).message, "Invalid path") << path;
  for (const auto path : {"a\0b"sv, "a%00b"sv, "\xff"sv, "\xc0\xae\xc0\xae/x"sv})
    EXPECT_EQ(test::error_of(checked_artifact_path(path)).message, "Invalid path");
  EXPECT_EQ(test::error_of(checked_artifact_path(std::string(5000, 'x'))).message, "Invalid path");
}

}  // namespace
}  // namespace sluice::tracking
