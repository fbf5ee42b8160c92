#include "sluice/domain/ai/feature_table.hpp"

#include <array>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::ai {
namespace {

using namespace std::string_view_literals;

TEST(FeatureTables, AreInNumPysFormatWhateverTheOrder) {
  const auto folder =
      os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "features-").value();
  auto table = test::value_of(FeatureTable::make(folder.path(), 3, 2));
  const std::array<std::array<float, 2>, 3> rows{{{1, 2}, {3, 4}, {5, 6}}};
  for (const std::size_t row : {2, 0, 1}) table.set(row, rows[row]);
  ASSERT_OK(table.finish({"a", "b/c", "d"}));
  const auto bytes = os::read_file(folder.path() / "features.npy").value();
  EXPECT_TRUE(bytes.starts_with(
      "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"sv));
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(bytes.substr(128), std::string_view(reinterpret_cast<const char*>(rows.data()), sizeof rows));
  EXPECT_EQ(os::read_file(folder.path() / "index.json").value(),
            "[\n  {\n    \"path\": \"a\"\n  },\n  {\n    \"path\": \"b/c\"\n  },\n  {\n    \"path\": \"d\"\n "
            " }\n]\n");
}

TEST(FeatureTables, SayThatTheyCannotBeWritten) { EXPECT_FALSE(FeatureTable::make("/nowhere", 1, 1)); }

}  // namespace
}  // namespace sluice::ai
