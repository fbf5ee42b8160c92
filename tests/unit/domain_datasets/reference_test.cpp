#include <gtest/gtest.h>

#include "sluice/domain/datasets/datasets.hpp"

namespace sluice::datasets {
namespace {

TEST(DataSetReference, IsANameAndPerhapsAVersion) {
  const auto newest = parse_reference("my leaves");
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->name, "my leaves");
  EXPECT_EQ(newest->number, std::nullopt);
  EXPECT_EQ(parse_reference("leaves@12")->number, 12);
  EXPECT_EQ(parse_reference("leaves@v12")->number, 12);
}

TEST(DataSetReference, OthersAreNone) {
  for (const auto* text :
       {"", "@1", "a@", "a@0", "a@-1", "a@x", "a@1@2", "a/b@1", "a\nb", "a@99999999999999999999"})
    EXPECT_FALSE(parse_reference(text)) << text;
  EXPECT_FALSE(parse_reference(std::string(256, 'a')));
}

}  // namespace
}  // namespace sluice::datasets
