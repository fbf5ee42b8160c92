#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

using Files = Scratch;

TEST_F(Files, AreReadAsTheyWereWritten) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_OK(write_file(at("f"), bytes));
  EXPECT_EQ(read_file(at("f")), bytes);
  ASSERT_OK(write_file(at("f"), ""));
  EXPECT_EQ(read_file(at("f")), "");
}

TEST_F(Files, AMissingFileIsNamed) {
  const auto read = read_file(at("nothing"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::not_found);
  EXPECT_EQ(read.error().message, "cannot open " + at("nothing").string() + ": No such file or directory");
}

TEST_F(Files, APathThatIsNotUtf8CanBePrinted) {
  EXPECT_EQ(printable("/a b/ü"), "/a b/ü");
  EXPECT_EQ(printable("/a b/\xff"), "/a b/%FF");
}

TEST_F(Files, TheBoundOnReadingIsExact) {
  ASSERT_OK(write_file(at("f"), std::string(5000, 'x')));
  EXPECT_EQ(read_file(at("f"), 5000)->size(), 5000U);
  const auto read = read_file(at("f"), 4999);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::too_large);
}

TEST_F(Files, OfProcAreReadThoughTheirSizeIsZero) {
  EXPECT_NE(read_file("/proc/self/status")->find("Pid:"), std::string::npos);
}

TEST_F(Files, APipeIsRefusedInsteadOfWaitedFor) {
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  const auto read = read_file(at("pipe"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, at("pipe").string() + ": not a regular file");
  EXPECT_EQ(read_file(at("")).error().message, at("").string() + ": a folder, not a file");
}

TEST_F(Files, TheTailOfAFileIsItsLastBytes) {
  ASSERT_OK(write_file(at("f"), "0123456789"));
  EXPECT_EQ(read_tail(at("f"), 3), "789");
  EXPECT_EQ(read_tail(at("f"), 100), "0123456789");
}

TEST_F(Files, AtomicWritingReplacesAndLeavesNothingBeside) {
  ASSERT_OK(write_file(at("f"), "old"));
  ASSERT_OK(write_file_atomically(at("f"), "new", Sync::yes, 0600));
  ASSERT_OK(write_file_atomically(at("f"), "newer", Sync::no, 0600));
  EXPECT_EQ(read_file(at("f")), "newer");
  EXPECT_EQ(mode_of(at("f")), 0600U);
  EXPECT_EQ(list_directory(at(""))->size(), 1U);
}

TEST_F(Files, AtomicWritingThatFailsLeavesNothingBeside) {
  ASSERT_OK(make_directories(at("f/in")));
  EXPECT_FALSE(write_file_atomically(at("f"), "new", Sync::no));
  EXPECT_EQ(list_directory(at(""))->size(), 1U);
}

TEST_F(Files, AreReadBlockByBlock) {
  const std::string bytes = std::string(600'000, 'x') + "y";
  ASSERT_OK(write_file(at("f"), bytes));
  const auto fd = open_file(at("f"), O_RDONLY);
  std::string read;
  int blocks = 0;
  ASSERT_TRUE(read_blocks(fd->get(), at("f"), [&](std::string_view block) -> Result<void> {
    read += block;
    ++blocks;
    return {};
  }));
  EXPECT_EQ(read, bytes);
  EXPECT_GT(blocks, 1);
  // An error of `take` ends it, and so does an error of reading.
  ASSERT_EQ(lseek(fd->get(), 0, SEEK_SET), 0);
  blocks = 0;
  const auto refused = read_blocks(fd->get(), at("f"), [&](std::string_view) -> Result<void> {
    ++blocks;
    return Fail(user_error(Code::cancelled, "enough"));
  });
  EXPECT_EQ(refused.error().message, "enough");
  EXPECT_EQ(blocks, 1);
  const auto folder = open_file(at(""), O_RDONLY);
  EXPECT_EQ(read_blocks(folder->get(), "it", [](std::string_view) { return Result<void>(); }).error().message,
            "cannot read it: Is a directory");
}

TEST_F(Files, ACopyHasTheBytesAndTheExecutableBit) {
  ASSERT_OK(write_file(at("f"), std::string(300'000, 'x'), 0755));
  EXPECT_EQ(os::copy_file(at("f"), at("g")), 300'000U);
  EXPECT_EQ(read_file(at("g")), *read_file(at("f")));
  EXPECT_EQ(mode_of(at("g")), 0755U);
  ASSERT_OK(write_file(at("h"), "", 0600));
  EXPECT_EQ(os::copy_file(at("h"), at("i")), 0U);
  EXPECT_EQ(mode_of(at("i")), 0644U);
}

TEST_F(Files, ACopyNeverReplaces) {
  ASSERT_OK(write_file(at("f"), "f"));
  ASSERT_OK(write_file(at("g"), "g"));
  EXPECT_EQ(os::copy_file(at("f"), at("g")).error().code, Code::already_exists);
  EXPECT_EQ(read_file(at("g")), "g");
}

TEST_F(Files, OfProcAreCopiedWhole) {
  ASSERT_OK(os::copy_file("/proc/self/status", at("status")));
  EXPECT_NE(read_file(at("status"))->find("Pid:"), std::string::npos);
}

TEST_F(Files, GetExactlyTheModeThatIsSet) {
  ASSERT_OK(write_file(at("f"), ""));
  ASSERT_OK(set_mode(at("f"), 0577));
  EXPECT_EQ(mode_of(at("f")), 0577U);
  EXPECT_EQ(set_mode(at("g"), 0700).error().message,
            "cannot set the mode of " + at("g").string() + ": No such file or directory");
}

TEST_F(Files, DescriptorsAreNotInherited) {
  ASSERT_OK(write_file(at("f"), ""));
  const auto fd = open_file(at("f"), O_RDONLY);
  EXPECT_EQ(fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(Files, SyncingAndFreeSpaceWork) {
  ASSERT_OK(write_file(at("f"), "x"));
  EXPECT_OK(fsync_file(at("f")));
  EXPECT_OK(fsync_directory(at("")));
  EXPECT_GT(*free_bytes(at("")), 0U);
  EXPECT_FALSE(fsync_file(at("g")));
}

}  // namespace
}  // namespace sluice::os
