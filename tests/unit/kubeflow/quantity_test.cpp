#include "sluice/frontends/kubeflow/quantity.hpp"

#include <gtest/gtest.h>

namespace sluice::frontends::kubeflow {
namespace {

TEST(Quantity, IsReadAsKubernetesWritesIt) {
  EXPECT_EQ(parse_quantity("2"), 2);
  EXPECT_EQ(parse_quantity("500m"), 0.5);
  EXPECT_EQ(parse_quantity("1.5Gi"), 1.5 * 1024 * 1024 * 1024);
  EXPECT_EQ(parse_quantity("100M"), 100e6);
  EXPECT_EQ(parse_quantity("64Ki"), 65536);
}

TEST(Quantity, IsRefusedIfItIsNoAmount) {
  for (const auto* text : {"", "m", "-1", "1e400", "two", "1 Gi", "1..2", "{{$.inputs.parameters['x']}}"})
    EXPECT_EQ(parse_quantity(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sluice::frontends::kubeflow
