#include "sluice/app/terminal/metrics_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"

namespace sluice::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lines(std::string_view kind, std::string_view json) {
  return metrics_lines(kind, test::value_of(parse_json(json)));
}

TEST(MetricsLines, OfMetricsAreOneEach) {
  EXPECT_THAT(lines("system.Metrics", R"({"accuracy": 0.75, "rows": 3, "of": "test"})"),
              ElementsAre("accuracy = 0.75", "rows = 3", "of = \"test\""));
  EXPECT_THAT(lines("system.Dataset", R"({"rows": 3})"), IsEmpty());
  EXPECT_THAT(lines("system.Metrics", "[1]"), IsEmpty());
  std::string many = "{";
  for (int i = 0; i < 60; ++i) many += (i > 0 ? "," : "") + std::string("\"m") + std::to_string(i) + "\":1";
  const auto cut = lines("system.Metrics", many + "}");
  ASSERT_EQ(cut.size(), 51U);
  EXPECT_EQ(cut.back(), "and 10 more");
}

TEST(MetricsLines, OfAClassifierAreATableAndAnArea) {
  constexpr std::string_view matrix =
      R"({"confusionMatrix": {"annotationSpecs": [{"displayName": "cat"}, {"displayName": "long-dog"}],
          "rows": [{"row": [5, 1]}, {"row": [2, 40.5]}]},
          "confidenceMetrics": [{"confidenceThreshold": 0.1, "recall": 1, "falsePositiveRate": 1},
                                {"confidenceThreshold": 0.5, "recall": 0.5, "falsePositiveRate": 0},
                                {"confidenceThreshold": 1, "recall": 0, "falsePositiveRate": 0}]})";
  EXPECT_THAT(lines("system.ClassificationMetrics", matrix),
              ElementsAre("confusion matrix", "               cat  long-dog", "  cat            5         1",
                          "  long-dog       2      40.5", "ROC curve of 3 points, area 0.75"));
  EXPECT_THAT(lines("system.ClassificationMetrics", R"({"confusionMatrix": {"rows": [{"row": [1]}]}})"),
              IsEmpty());
  EXPECT_THAT(lines("system.SlicedClassificationMetrics",
                    R"({"evaluationSlices": [{"slice": "old", "sliceClassificationMetrics":
                {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": [{"row": [4]}]}}}]})"),
              ElementsAre("slice old", "confusion matrix", "          a", "  a       4"));
}

}  // namespace
}  // namespace sluice::app
