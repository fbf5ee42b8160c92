#include "sluice/host/features.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host {
namespace {

Features some() {
  return {.columns = 3, .paths = {"a/1.png", "b/2.png"}, .values = {1, 2, 3, -0.5F, 0, 1e-7F}};
}

class FeaturesOnDisk : public testing::Test {
 protected:
  os::TemporaryDirectory folder_ =
      os::TemporaryDirectory::make(std::filesystem::temp_directory_path()).value();

  void put(const char* file, std::string_view bytes) {
    ASSERT_OK(os::write_file(folder_.path() / file, bytes));
  }
  std::string message() { return test::message_of(read_features(folder_.path())); }
};

TEST(Npy, IsNumPysFormat) {
  const auto bytes = to_npy(some().values, 2, 3);
  using namespace std::string_view_literals;
  EXPECT_TRUE(bytes.starts_with(
      "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"sv));
  EXPECT_EQ(bytes.size(), 128 + 2 * 3 * sizeof(float));
  EXPECT_EQ(bytes[127], '\n');
}

TEST_F(FeaturesOnDisk, RoundTrip) {
  ASSERT_TRUE(write_features(some(), folder_.path()));
  const auto read = read_features(folder_.path());
  ASSERT_OK(read);
  EXPECT_EQ(read->paths, some().paths);
  EXPECT_EQ(read->values, some().values);
  EXPECT_EQ(read->columns, 3U);
}

TEST_F(FeaturesOnDisk, RefusesOtherTables) {
  ASSERT_TRUE(write_features(some(), folder_.path()));
  put("features.npy", "PK");
  EXPECT_EQ(message(), "features.npy: not a table of f32 in NumPy's format 1.0; image.embed writes one");
  put("features.npy", to_npy(some().values, 2, 3).substr(0, 140));
  EXPECT_EQ(message(), "features.npy: the header announces 2 x 3 numbers, but 12 bytes follow");
  put("features.npy", to_npy(some().values, 3, 2));
  EXPECT_EQ(message(), "index.json: lists 2 pictures, but features.npy has 3 rows");
  auto broken = some();
  broken.values[2] = std::numeric_limits<float>::quiet_NaN();
  put("features.npy", to_npy(broken.values, 2, 3));
  EXPECT_EQ(message(), "features.npy: contains numbers that are not finite");
}

TEST_F(FeaturesOnDisk, RefusesOtherIndices) {
  ASSERT_TRUE(write_features(some(), folder_.path()));
  put("index.json", "{}");
  EXPECT_EQ(message(), "index.json: must be a list with one {\"path\"} for each row of features.npy");
  put("index.json", "[{}, {}]");
  EXPECT_EQ(message(), "index.json: each entry must have a `path`");
}

}  // namespace
}  // namespace sluice::host
