#include "sluice/host/features.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "npy.hpp"
#include "result_assertions.hpp"

namespace sluice::host {
namespace {

Features some() {
  return {.columns = 3, .paths = {"a/1.png", "b/2.png"}, .values = {1, 2, 3, -0.5F, 0, 1e-7F}};
}

class FeaturesFromBytes : public testing::Test {
 protected:
  std::string message() const { return test::message_of(read_features(table_, index_)); }

  std::string table_ = test::to_npy(some().values, 2, 3);
  std::string index_ = test::to_index(some().paths);
};

TEST_F(FeaturesFromBytes, AreRead) {
  const auto read = read_features(table_, index_);
  ASSERT_OK(read);
  EXPECT_EQ(read->paths, some().paths);
  EXPECT_EQ(read->values, some().values);
  EXPECT_EQ(read->columns, 3U);
}

TEST_F(FeaturesFromBytes, RefusesOtherTables) {
  table_ = "PK";
  EXPECT_EQ(message(), "features.npy: not a table of f32 in NumPy's format 1.0; image.embed writes one");
  table_ = test::to_npy(some().values, 2, 3).substr(0, 140);
  EXPECT_EQ(message(), "features.npy: the header announces 2 x 3 numbers, but 12 bytes follow");
  table_ = test::to_npy(some().values, 3, 2);
  EXPECT_EQ(message(), "index.json: lists 2 pictures, but features.npy has 3 rows");
  auto broken = some();
  broken.values[2] = std::numeric_limits<float>::quiet_NaN();
  table_ = test::to_npy(broken.values, 2, 3);
  EXPECT_EQ(message(), "features.npy: contains numbers that are not finite");
}

TEST_F(FeaturesFromBytes, RefusesOtherIndices) {
  index_ = "{}";
  EXPECT_EQ(message(), "index.json: must be a list with one {\"path\"} for each row of features.npy");
  index_ = "[{}, {}]";
  EXPECT_EQ(message(), "index.json: each entry must have a `path`");
}

}  // namespace
}  // namespace sluice::host
