#include "sluice/domain/storage/quota.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::storage {
namespace {

TEST(Quota, RefusesWhatIsBeyondIt) {
  Quota quota({.bytes = 1'000, .reserve = 0}, [] { return Result<std::uint64_t>(0); });
  quota.measured(400);
  EXPECT_OK(quota.admit(500));
  EXPECT_EQ(quota.used(), 900);
  const auto refused = quota.admit(101);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(refused.error().message,
            "the data folder holds 900 B of its quota of 1.0 kB, and 101 B more do not fit; remove runs with "
            "`sluice gc --keep-last N`, or raise --quota-bytes");
  EXPECT_OK(quota.admit(100)) << "what was refused does not count";
  EXPECT_FALSE(quota.admit(1));
  quota.measured(0);
  EXPECT_OK(quota.admit(1));
}

TEST(Quota, LeavesTheLastOfTheDiskToTheLedger) {
  std::uint64_t free = 10'000;
  Quota quota({.bytes = 0, .reserve = 9'000}, [&] { return Result<std::uint64_t>(free); });
  EXPECT_OK(quota.admit(1'000));
  const auto refused = quota.admit(1'001);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::disk_full);
  EXPECT_EQ(refused.error().message,
            "the disk of the data folder has 10.0 kB left, of which 9.0 kB are kept for the ledger; free "
            "some space, or "
            "remove runs with `sluice gc --keep-last N`");
}

}  // namespace
}  // namespace sluice::storage
