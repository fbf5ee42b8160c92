// The parts of an appraisal: folds, near-duplicates, intervals, mislabels, the curve, the gate.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clusters.hpp"
#include "sluice/host/learning/duplicates.hpp"
#include "sluice/host/learning/folds.hpp"
#include "sluice/host/learning/gate.hpp"
#include "sluice/host/learning/interval.hpp"
#include "sluice/host/learning/learning_curve.hpp"
#include "sluice/host/learning/mislabels.hpp"

namespace sluice::host {
namespace {

using test::clusters;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Folds, SpreadEachClassAndKeepGroupsTogether) {
  // 10 of class 0, of which 0, 2 and 4 are one group; 5 of class 1.
  std::vector<std::size_t> labels(10, 0);
  labels.insert(labels.end(), 5, 1);
  auto groups = groups_of_one(labels.size());
  groups[2] = groups[4] = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SeededRandom random(seed);
    const auto fold_of = draw_folds(labels, groups, 2, 5, random);
    EXPECT_EQ(fold_of[0], fold_of[2]);
    EXPECT_EQ(fold_of[0], fold_of[4]);
    std::vector<std::size_t> groups_in_fold(5);
    std::vector<std::size_t> of_second_class(5);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == 0 && groups[i] == i) ++groups_in_fold[fold_of[i]];
      if (labels[i] == 1) ++of_second_class[fold_of[i]];
    }
    EXPECT_THAT(groups_in_fold, testing::Each(testing::AnyOf(1, 2)));
    EXPECT_THAT(of_second_class, testing::Each(1));
  }
}

TEST(Folds, DivideSamples) {
  const std::vector<std::size_t> fold_of = {0, 1, 0, 2};
  const auto division = divide(fold_of, 0);
  EXPECT_THAT(division.held_out, ElementsAre(0, 2));
  EXPECT_THAT(division.training, ElementsAre(1, 3));
}

TEST(Duplicates, AreGroupedUnderTheFirst) {
  auto data = clusters(40, 1, 300, 1, 8);
  const auto nearly = [&](std::size_t to, std::size_t from, double difference) {
    SeededRandom random(to);
    std::ranges::copy(data.samples.row(from), data.samples.row(to).begin());
    for (double& x : data.samples.row(to)) x += difference * test::normal(random);
    test::make_unit(data.samples.row(to));
  };
  nearly(7, 3, 0.01);    // a cosine of 0.98
  nearly(30, 3, 0);      // the same
  nearly(12, 11, 0.04);  // 0.82
  const auto groups = group_duplicates(data.samples, [] {});
  auto expected = groups_of_one(40);
  expected[7] = expected[30] = 3;
  EXPECT_EQ(groups, expected);
}

TEST(Duplicates, AreNotChained) {
  // Each is like the one before, but the last is unlike the first.
  Matrix samples(5, 2);
  for (std::size_t i = 0; i < 5; ++i) {
    samples.row(i)[0] = std::cos(0.3 * static_cast<double>(i));  // neighbors have a cosine of 0.955
    samples.row(i)[1] = std::sin(0.3 * static_cast<double>(i));
  }
  EXPECT_THAT(group_duplicates(samples, [] {}), ElementsAre(0, 0, 2, 2, 4));
}

TEST(Duplicates, FindWhatAComparisonOfAllPairsFinds) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto data = clusters(12, 20, 200, 0.1 * static_cast<double>(seed), seed);
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < data.samples.rows; ++i) {
      std::size_t group = i;
      for (std::size_t j = 0; j < i && group == i; ++j) {
        const auto a = data.samples.row(i);
        if (expected[j] == j &&
            std::inner_product(a.begin(), a.end(), data.samples.row(j).begin(), 0.0) >= duplicate_cosine)
          group = j;
      }
      expected.push_back(group);
    }
    EXPECT_EQ(group_duplicates(data.samples, [] {}), expected) << seed;
  }
}

TEST(Interval, IsWilsonsForFewerExamples) {
  // Wilson's interval for 28 of 35: 0.6413 to 0.9005 (0.7 · 50 examples).
  const auto estimate = estimate_of(0.8, 0, 50);
  EXPECT_NEAR(estimate.low, 0.6413, 2e-3);
  EXPECT_NEAR(estimate.high, 0.9005, 2e-3);
  EXPECT_EQ(estimate.value, 0.8);
  EXPECT_EQ(estimate.expected, 0.8);
}

TEST(Interval, ContainsTheValueAndWhatIsExpected) {
  for (const double value : {0.0, 0.3, 0.99, 1.0})
    for (const double gain : {0.0, 0.05, 0.4})
      for (const double examples : {0.0, 1.0, 3.0, 100.0, 1e6}) {
        const auto estimate = estimate_of(value, gain, examples);
        EXPECT_GE(estimate.low, 0);
        EXPECT_LE(estimate.low, value);
        EXPECT_GE(estimate.high, estimate.expected);
        EXPECT_LE(estimate.high, 1);
        EXPECT_LE(estimate.expected, 1);
      }
  EXPECT_EQ(estimate_of(1, 0, 20).high, 1);
  EXPECT_LT(estimate_of(1, 0, 20).low, 0.9);  // twenty right answers prove less than a tenth of errors
}

TEST(Interval, FewExamplesOfOneClassMakeABalancedAccuracyUnsure) {
  EXPECT_DOUBLE_EQ(balanced_examples(std::vector<double>{25, 25}), 50);
  EXPECT_NEAR(balanced_examples(std::vector<double>{1000, 3}), 12, 0.1);
  EXPECT_DOUBLE_EQ(balanced_examples(std::vector<double>{25, 0}), 25);
}

TEST(Mislabels, AreThoseThatAreConfidentlyAnotherClass) {
  Matrix probabilities(5, 2);
  probabilities.values = {0.9,  0.1,    // right
                          0.05, 0.95,   // labeled 0, as sure of 1 as those of class 1 are
                          0.15, 0.85,   // labeled 0, and possible
                          0.08, 0.92,   // right
                          0.04, 0.96};  // right
  const std::vector<std::size_t> labels = {0, 0, 0, 1, 1};
  EXPECT_THAT(find_mislabels(probabilities, labels),
              ElementsAre(Mislabel{.sample = 1, .suggested = 1, .probability = 0.95, .of_label = 0.05}));
}

TEST(Gate, NeedsMoreThanTheLargestClass) {
  EXPECT_THAT(refusals_of({.value = 0.8, .low = 0.61}, 0.6, 0.8), IsEmpty());
  EXPECT_THAT(
      refusals_of({.value = 0.8, .low = 0.6}, 0.6, 0.8),
      ElementsAre(Refusal{.code = Refusal::Code::not_above_largest_class, .measured = 0.6, .limit = 0.6}));
}

TEST(Gate, MayBeTwoPointsBelowNearestCentroids) {
  EXPECT_THAT(refusals_of({.value = 0.8, .low = 0.7}, 0.5, 0.82), IsEmpty());
  const auto refusals = refusals_of({.value = 0.8, .low = 0.7}, 0.5, 0.83);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].code, Refusal::Code::below_nearest_centroids);
  EXPECT_EQ(refusals[0].measured, 0.8);
  EXPECT_NEAR(refusals[0].limit, 0.81, 1e-12);
}

TEST(Curve, TheClassWithFewExamplesAndManyErrorsGainsMost) {
  // Class 2 has few examples and is half wrong; class 0 has as many errors, but many examples.
  std::vector<std::size_t> labels(40, 0);
  labels.insert(labels.end(), 40, 1);
  labels.insert(labels.end(), 6, 2);
  std::vector<std::size_t> predicted = labels;
  predicted[0] = predicted[1] = predicted[2] = 1;
  predicted[80] = predicted[81] = predicted[82] = 1;
  const Matrix samples(labels.size(), 1);
  const auto groups = groups_of_one(labels.size());
  const LearningTask task{.samples = samples, .labels = labels, .groups = groups, .classes = 3};
  const NestedValidation validation{.repeats = {{.predicted = predicted}}, .probabilities = {}};
  const auto more = gain_of_more(task, validation, 0.5, 20);
  ASSERT_EQ(more.size(), 3U);
  EXPECT_EQ(more[0].label, 2U);
  // Half of its errors, a sixth of the balanced accuracy, of which (6 / 26)^0.5 are left.
  EXPECT_NEAR(more[0].gain, 0.5 / 3 / 2 * (1 - std::sqrt(6.0 / 26)), 1e-12);
  EXPECT_EQ(more[1].label, 1U);
}

}  // namespace
}  // namespace sluice::host
