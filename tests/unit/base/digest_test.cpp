#include "sluice/base/digest.hpp"

#include <unordered_set>

#include <gtest/gtest.h>

namespace sluice {
namespace {

// FIPS 180-4, examples of SHA-256.
constexpr std::string_view of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digests, AreSha256) {
  EXPECT_EQ(Digest::of("").hex(), of_nothing);
  EXPECT_EQ(Digest::of("abc").hex(), of_abc);
  EXPECT_EQ(Digest::of("abc").brief(), "ba7816bf8f01");
}

TEST(Digests, OfPiecesAreThoseOfTheWhole) {
  Hasher hasher;
  hasher.update("a");
  hasher.update("");
  auto moved = std::move(hasher);
  moved.update("bc");
  EXPECT_EQ(moved.finish().hex(), of_abc);
}

TEST(Digests, ReadTheirOwnHexadecimalText) {
  const auto digest = Digest::from_hex(of_abc);
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, Digest::of("abc"));
}

TEST(Digests, RefuseEveryOtherText) {
  EXPECT_EQ(Digest::from_hex("ba78").error().message, "a digest is 64 hexadecimal digits, not 4");
  auto upper = std::string(of_abc);
  upper[0] = 'B';
  EXPECT_EQ(Digest::from_hex(upper).error().message, "a digest is written in lower-case hexadecimal digits");
  upper[0] = '/';
  EXPECT_EQ(Digest::from_hex(upper).error().code, Code::invalid_argument);
}

TEST(Digests, CanBeOrderedAndHashed) {
  EXPECT_LT(*Digest::from_hex(of_abc), *Digest::from_hex(of_nothing));
  const std::unordered_set<Digest> set{Digest::of("a"), Digest::of("b"), Digest::of("a")};
  EXPECT_EQ(set.size(), 2U);
}

}  // namespace
}  // namespace sluice
