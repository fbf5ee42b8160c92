#include "sluice/net/body_digest.hpp"

#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "test_server.hpp"

namespace sluice::net {
namespace {

class BodyDigestTest : public ::testing::Test {
 protected:
  Scratch scratch_;
  std::filesystem::path file_ = scratch_.path / "file";
  std::ofstream out_{file_, std::ios::binary};
  std::uint64_t written_ = 0;

  void write(const std::string& bytes) {
    out_ << bytes << std::flush;
    written_ += bytes.size();
  }
};

TEST_F(BodyDigestTest, IsThatOfAllBytesHoweverTheyArrive) {
  const auto digest = BodyDigest::begin(file_);
  std::string all;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string bytes(i * i % 20'000, static_cast<char>(i));
    write(bytes);
    all += bytes;
    digest->arrived(written_);
  }
  digest->complete();
  EXPECT_EQ(digest->wait(), Digest::of(all));
  EXPECT_EQ(digest->wait(), Digest::of(all));
}

TEST_F(BodyDigestTest, OfNothingIsThatOfNoBytes) {
  const auto digest = BodyDigest::begin(file_);
  digest->complete();
  EXPECT_EQ(digest->wait(), Digest::of(""));
}

TEST_F(BodyDigestTest, AFileThatIsShorterThanSaidHasNone) {
  const auto digest = BodyDigest::begin(file_);
  write("abc");
  digest->arrived(4);
  digest->complete();
  EXPECT_EQ(digest->wait(), std::nullopt);
}

TEST_F(BodyDigestTest, ThereAreFourAtOnceAndOneThatIsDroppedMakesRoom) {
  std::vector<std::shared_ptr<BodyDigest>> all;
  for (int i = 0; i < BodyDigest::at_once_max; ++i) all.push_back(BodyDigest::begin(file_));
  EXPECT_NE(all.back(), nullptr);
  EXPECT_EQ(BodyDigest::begin(file_), nullptr);
  all.pop_back();
  EXPECT_EQ(BodyDigest::begin(scratch_.path / "nowhere"), nullptr);
  EXPECT_NE(BodyDigest::begin(file_), nullptr);
}

}  // namespace
}  // namespace sluice::net
