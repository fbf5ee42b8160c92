#include "sluice/domain/schedules/compile_options.hpp"

#include <gtest/gtest.h>

namespace sluice::schedules {
namespace {

TEST(CompileOptions, AreReadAsTheyWereStored) {
  runs::CompileOptions options{.dialect = "kubeflow", .lowering = {}};
  options.lowering.python_images = {"python:*", "ours"};
  options.lowering.only_containers = true;
  const auto read = compile_options_of(to_struct(options));
  EXPECT_EQ(read.dialect, "kubeflow");
  EXPECT_EQ(read.lowering.python_images, options.lowering.python_images);
  EXPECT_TRUE(read.lowering.only_containers);
  EXPECT_TRUE(to_struct({}).empty());
  EXPECT_EQ(compile_options_of({}).dialect, "");
}

}  // namespace
}  // namespace sluice::schedules
