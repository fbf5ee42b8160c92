#include "sluice/domain/ai/feature_cache.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::ai {
namespace {

namespace fs = std::filesystem;

class FeatureCaches : public testing::Test {
 protected:
  FeatureCache open(std::size_t columns = 2) { return test::value_of(FeatureCache::open(folder_, columns)); }
  static std::vector<float> found(const FeatureCache& cache, const std::string& picture) {
    std::vector<float> row(2);
    return cache.find(Digest::of(picture), row) ? row : std::vector<float>();
  }
  void damage(const std::string& file, std::int64_t at) const {
    auto bytes = os::read_file(folder_ / file).value();
    bytes[static_cast<std::size_t>(at)] ^= 1;
    ASSERT_OK(os::write_file(folder_ / file, bytes));
  }

  os::TemporaryDirectory root_ = os::TemporaryDirectory::make(fs::temp_directory_path(), "features-").value();
  fs::path folder_ = root_.path() / "cache/of/base";
  const std::vector<float> one_{1, 2};
  const std::vector<float> two_{3, 4};
};

TEST_F(FeatureCaches, KeepRowsForTheNextProcess) {
  {
    auto cache = open();
    EXPECT_TRUE(found(cache, "one").empty());
    cache.add(Digest::of("one"), one_);
    cache.add(Digest::of("two"), two_);
    EXPECT_EQ(found(cache, "two"), two_);
  }
  auto cache = open();
  EXPECT_EQ(found(cache, "one"), one_);
  EXPECT_EQ(found(cache, "two"), two_);
  cache.add(Digest::of("three"), one_);
  EXPECT_EQ(found(cache, "three"), one_);
  EXPECT_EQ(found(cache, "two"), two_);
}

TEST_F(FeatureCaches, UseNoDamagedRow) {
  open().add(Digest::of("one"), one_);
  open().add(Digest::of("two"), two_);
  damage("rows", 9);
  EXPECT_EQ(found(open(), "one"), one_);
  EXPECT_TRUE(found(open(), "two").empty());
  damage("index", 39);
  EXPECT_TRUE(found(open(), "one").empty());
}

TEST_F(FeatureCaches, DropWhatAProcessThatDiedHalfWrote) {
  open().add(Digest::of("one"), one_);
  const auto index = os::read_file(folder_ / "index").value();
  const auto rows = os::read_file(folder_ / "rows").value();
  ASSERT_OK(os::write_file(folder_ / "rows", rows + "abc"));
  ASSERT_OK(os::write_file(folder_ / "index", index + "torn"));
  open().add(Digest::of("two"), two_);
  EXPECT_EQ(found(open(), "one"), one_);
  EXPECT_EQ(found(open(), "two"), two_);
  ASSERT_OK(os::write_file(folder_ / "rows", ""));
  EXPECT_TRUE(found(open(), "one").empty());
}

TEST_F(FeatureCaches, BelongToOneProcessAtATime) {
  const auto cache = open();
  EXPECT_FALSE(FeatureCache::open(folder_, 2));
}

}  // namespace
}  // namespace sluice::ai
