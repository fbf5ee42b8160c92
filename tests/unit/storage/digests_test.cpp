#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/domain/storage/marking.hpp"

namespace sluice::storage {
namespace {

std::vector<std::string> digests_in(const std::string& text) {
  std::vector<std::string> out;
  each_digest(text, [&](const Digest& digest) { out.push_back(digest.hex()); });
  return out;
}

TEST(Digests, AreFoundWhereverTheyStand) {
  const auto a = Digest::of("a").hex();
  const auto b = Digest::of("b").hex();
  EXPECT_THAT(digests_in(a), testing::ElementsAre(a));
  EXPECT_THAT(digests_in(R"({"digest":")" + a + R"(","x":")" + b + "\"}"), testing::ElementsAre(a, b));
  EXPECT_THAT(digests_in("oid sha256:" + a + "\nsize 3\n"), testing::ElementsAre(a));
  for (std::size_t before = 0; before < 130; ++before)
    EXPECT_EQ(digests_in(std::string(before, '-') + a + "," + b + std::string(before, 'f')),
              before == 0 ? std::vector({a, b}) : std::vector({a}))
        << before;
}

TEST(Digests, AreNeitherShorterNorLongerNorInUpperCase) {
  const auto a = Digest::of("a").hex();
  EXPECT_THAT(digests_in(""), testing::IsEmpty());
  EXPECT_THAT(digests_in(a.substr(1)), testing::IsEmpty());
  EXPECT_THAT(digests_in(a + "0"), testing::IsEmpty());
  EXPECT_THAT(digests_in(a + a), testing::IsEmpty());
  EXPECT_THAT(digests_in(std::string(64, 'A')), testing::IsEmpty());
}

}  // namespace
}  // namespace sluice::storage
