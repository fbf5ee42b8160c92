#include "scratch.hpp"
#include "sluice/os/process.hpp"

namespace sluice::os {
namespace {

using Lock = Scratch;

TEST_F(Lock, ASecondHolderIsToldWhoTheFirstIs) {
  const auto first = FileLock::take(at("lock"), "sluice up, pid 12");
  ASSERT_TRUE(first);
  const auto second = FileLock::take(at("lock"), "sluice run, pid 13");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed_precondition);
  EXPECT_EQ(second.error().message, at("lock").string() + ": held by sluice up, pid 12");
  EXPECT_EQ(*FileLock::holder_of(at("lock")), "sluice up, pid 12");
}

TEST_F(Lock, IsFreeOnceItsHolderIsGone) {
  EXPECT_EQ(*FileLock::holder_of(at("lock")), std::nullopt);
  {
    ASSERT_TRUE(FileLock::take(at("lock"), "a longer name than the next"));
  }
  EXPECT_EQ(*FileLock::holder_of(at("lock")), std::nullopt);
  const auto next = FileLock::take(at("lock"), "next");
  EXPECT_EQ(*FileLock::holder_of(at("lock")), "next");
}

TEST_F(Lock, AChildDoesNotKeepIt) {
  auto lock = FileLock::take(at("lock"), "us");
  auto child = spawn({.program = "/bin/sleep", .argv = {"sleep", "60"}});
  ASSERT_TRUE(child);
  lock = Fail(Error{});
  EXPECT_TRUE(FileLock::take(at("lock"), "next"));
  child->signal(9);
  EXPECT_EQ(child->wait()->signal, 9);
}

}  // namespace
}  // namespace sluice::os
