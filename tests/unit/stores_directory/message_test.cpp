#include "sluice/stores/directory/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores::directory {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

Message all_kinds() {
  const auto nothing = Digest::of("");
  return {.files = {{.name = "run.sh", .digest = Digest::of("#!/bin/sh\n"), .size = 10, .executable = true},
                    {.name = "a.txt", .digest = Digest::of("hello"), .size = 5},
                    {.name = "empty", .digest = nothing}},
          .folders = {{.name = "none", .digest = nothing}},
          .symlinks = {{.name = "link", .target = "a.txt"}}};
}

// The file was written by protoc from the published field numbers.
TEST(Message, HasTheBytesThatProtobufWrites) {
  const auto known = os::read_file(test::source("tests/unit/stores_directory/messages/all_kinds"));
  ASSERT_OK(known);
  const auto bytes = encode(all_kinds());
  ASSERT_OK(bytes);
  EXPECT_EQ(*bytes, *known);
  EXPECT_EQ(Digest::of(*bytes).hex(), "e368e81aad4148d9118c8e61e1941027a3de42f7096c5859a9a599768aaf2e1a");
  const auto back = decode(*known);
  ASSERT_OK(back);
  EXPECT_EQ(back->files.size(), 3U);
  EXPECT_EQ(back->files[2].name, "run.sh");
  EXPECT_TRUE(back->files[2].executable);
  EXPECT_EQ(encode(*back).value(), *known);
}

TEST(Message, OfAnEmptyFolderHasNoBytes) {
  EXPECT_EQ(encode({}).value(), "");
  EXPECT_EQ(decode("").value(), Message{});
}

TEST(Message, RefusesNamesThatAreNotOneSegment) {
  for (const auto name : {""sv, "."sv, ".."sv, "a/b"sv, "/"sv, "a\0b"sv, "\xff"sv}) {
    const auto bytes =
        encode({.files = {{.name = std::string(name), .digest = {}}}, .folders = {}, .symlinks = {}});
    ASSERT_FALSE(bytes) << name;
    EXPECT_THAT(bytes.error().message, HasSubstr("is not a valid file name in UTF-8; rename it"));
  }
}

TEST(Message, RefusesANameTwice) {
  const auto bytes = encode(
      {.files = {{.name = "x", .digest = {}}}, .folders = {}, .symlinks = {{.name = "x", .target = "y"}}});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().message, "`x` occurs twice in one folder");
}

TEST(Message, RefusesWhatIsNotCanonical) {
  const auto good = encode(all_kinds()).value();
  // An overlong length, duplicate fields, fields of another version, truncation anywhere.
  std::string padded = good;
  padded.replace(1, 1, std::string(1, static_cast<char>(good[1] | '\x80')) + '\0');
  EXPECT_FALSE(decode(padded));
  EXPECT_FALSE(decode(good + good));
  EXPECT_FALSE(decode(good + "\x2a\x01x"));
  for (std::size_t cut = 1; cut < good.size(); ++cut)
    if (auto part = decode(good.substr(0, cut))) EXPECT_LT(part->files.size() + part->folders.size(), 5U);
  const auto problem = decode("\x0a\x02\x0a\x00"sv);
  ASSERT_FALSE(problem);
  EXPECT_EQ(problem.error().message, "not a canonical Directory message: a child without a digest");
}

TEST(Message, KnowsWhichSymlinksStayInside) {
  EXPECT_TRUE(stays_inside("a", 0));
  EXPECT_TRUE(stays_inside("./a//b/.", 0));
  EXPECT_TRUE(stays_inside("../a", 1));
  EXPECT_TRUE(stays_inside("../..", 2));
  EXPECT_FALSE(stays_inside("/etc/passwd", 3));
  EXPECT_FALSE(stays_inside("..", 0));
  EXPECT_FALSE(stays_inside("../../a", 1));
  // `a` may itself be a symlink upwards, so that `a/..` is not this folder.
  EXPECT_FALSE(stays_inside("a/../b", 5));
}

}  // namespace
}  // namespace sluice::stores::directory
