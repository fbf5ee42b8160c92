// The numerics of a head: fitting, reducing, calibrating, choosing.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "clusters.hpp"
#include "sluice/base/random.hpp"
#include "sluice/host/learning/folds.hpp"
#include "sluice/host/learning/validation.hpp"

namespace sluice::host {
namespace {

using test::clusters;
using test::Data;
using test::normal;

Result<Choice> choose_for(const Data& data, std::size_t classes, std::int64_t seed) {
  const auto groups = groups_of_one(data.labels.size());
  const LearningTask task{
      .samples = data.samples, .labels = data.labels, .groups = groups, .classes = classes};
  return choose(task, usual_settings(task), seed, 0.9);
}

double loss_of(const Logistic& model, const Data& data, double l2) {
  const auto logits = logits_of(model, data.samples);
  double loss = 0;
  for (std::size_t i = 0; i < logits.rows; ++i) {
    double sum = 0;
    for (const double x : logits.row(i)) sum += std::exp(x);
    loss += std::log(sum) - logits.row(i)[data.labels[i]];
  }
  for (const double w : model.weights.values) loss += 0.5 * l2 * w * w;
  return loss;
}

TEST(Logistic, IsAtTheMinimum) {
  const auto data = clusters(4, 6, 10, 0.8, 1);
  for (const double l2 : {1.0, 0.01}) {
    const auto model = fit_logistic(data.samples, data.labels, 4, l2);
    ASSERT_TRUE(model);
    const double least = loss_of(*model, data, l2);
    // A step in any direction increases the loss.
    SeededRandom random(2);
    for (int i = 0; i < 40; ++i) {
      auto other = *model;
      for (double& w : other.weights.values) w += 0.01 * (random.unit() - 0.5);
      for (double& b : other.bias) b += 0.01 * (random.unit() - 0.5);
      EXPECT_GE(loss_of(other, data, l2), least - 1e-7);
    }
  }
}

TEST(Logistic, WithOneFeatureItIsTheLogisticCurve) {
  // Two classes at -1 and +1, symmetric: both weights are opposite, no bias, and w solves w =
  // 2·sigmoid(-2w)/l2 for 2 samples.
  Data data{.samples = Matrix(2, 1), .labels = {0, 1}};
  data.samples.values = {-1, 1};
  const auto model = fit_logistic(data.samples, data.labels, 2, 0.5).value();
  const double w = model.weights.values[1];
  EXPECT_NEAR(model.weights.values[0], -w, 1e-6);
  EXPECT_NEAR(model.bias[0], 0, 1e-6);
  EXPECT_NEAR(0.5 * w, 2 / (1 + std::exp(2 * w)), 1e-5);
}

TEST(Reduction, KeepsEveryProduct) {
  const auto data = clusters(3, 4, 50, 0.5, 9);
  const Reduction reduction(data.samples);
  EXPECT_EQ(reduction.reduced().columns, 12U);
  const auto restored = reduction.restore(reduction.reduced());
  for (std::size_t i = 0; i < restored.values.size(); ++i)
    EXPECT_NEAR(restored.values[i], data.samples.values[i], 1e-12);

  const auto full = fit_logistic(data.samples, data.labels, 3, 0.1).value();
  auto small = fit_logistic(reduction.reduced(), data.labels, 3, 0.1).value();
  small.weights = reduction.restore(small.weights);
  const auto expected = logits_of(full, data.samples);
  const auto got = logits_of(small, data.samples);
  for (std::size_t i = 0; i < got.values.size(); ++i) EXPECT_NEAR(got.values[i], expected.values[i], 1e-4);
}

TEST(Reduction, LeavesManySamplesAsTheyAre) {
  const auto data = clusters(3, 10, 5, 0.5, 9);
  const Reduction reduction(data.samples);
  EXPECT_EQ(reduction.reduced(), data.samples);
  EXPECT_EQ(reduction.restore(data.samples), data.samples);
}

TEST(Calibration, FindsTheScaleThatLogitsWereMultipliedBy) {
  SeededRandom random(4);
  Matrix logits(4000, 3);
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < logits.rows; ++i) {
    std::array<double, 3> probability{};
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const double logit = 2 * normal(random);
      logits.row(i)[c] = 5 * logit;  // overconfident by a factor of five
      sum += probability[c] = std::exp(logit);
    }
    double draw = random.unit() * sum;
    std::size_t label = 0;
    while (label < 2 && draw > probability[label]) draw -= probability[label++];
    labels.push_back(label);
  }
  EXPECT_NEAR(calibrate(logits, labels).temperature, 5, 0.4);
}

TEST(Threshold, KeepsTheShareThatIsAskedFor) {
  std::vector<double> scores;
  for (int i = 0; i < 50; ++i) scores.push_back(i);
  EXPECT_EQ(threshold_for(scores, 0.9), 5);  // 45 of 50 are at least 5
  EXPECT_EQ(threshold_for(scores, 1), 0);
  EXPECT_EQ(threshold_for({1, 2, 3}, 0.9), 1);  // losing a third would be too much
}

TEST(Centroids, CosineIsOneInTheMiddleOfAClass) {
  Data data{.samples = Matrix(4, 2), .labels = {0, 0, 1, 1}};
  data.samples.values = {1, 0.1, 1, -0.1, -1, 0.1, -1, -0.1};
  const auto centroids = centroids_of(data.samples, data.labels, 2);
  EXPECT_EQ(centroids.center, (std::vector<double>{0, 0}));
  Matrix middle(1, 2);
  middle.values = {3, 0};
  EXPECT_NEAR(cosines_of(centroids, middle).values[0], 1, 1e-12);
  EXPECT_NEAR(cosines_of(centroids, middle).values[1], -1, 1e-12);
}

TEST(Choose, SeparatesClustersAndKeepsTheRightOnes) {
  const auto data = clusters(6, 5, 40, 0.7, 17);
  const auto choice = choose_for(data, 6, 7);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->folds, 5U);
  EXPECT_GT(choice->accuracy, 0.95);
  EXPECT_GE(choice->kept, 0.9);
  EXPECT_GT(choice->strangers_rejected, 0.5);
}

TEST(Choose, TheSameSeedChoosesTheSame) {
  const auto data = clusters(3, 4, 20, 1.5, 23);
  const auto first = choose_for(data, 3, 7).value();
  const auto second = choose_for(data, 3, 7).value();
  EXPECT_EQ(first.folds, 4U);
  EXPECT_EQ(first.l2, second.l2);
  EXPECT_EQ(first.temperature, second.temperature);
  EXPECT_EQ(first.threshold, second.threshold);
  EXPECT_EQ(first.centroid_weight, second.centroid_weight);
}

TEST(Choose, TwoClassesOfTwoAreEnough) {
  const auto data = clusters(2, 2, 12, 0.3, 3);
  const auto choice = choose_for(data, 2, 1);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->folds, 2U);
  EXPECT_EQ(choice->strangers_rejected, -1);
  EXPECT_TRUE(std::isfinite(choice->threshold));
}

TEST(Choose, OfALargeTaskSomeIsEnough) {
  const auto data = clusters(40, 50, 640, 0.8, 5);  // 40 · 50 · 640 · 40 products
  const auto groups = groups_of_one(data.labels.size());
  const LearningTask task{.samples = data.samples, .labels = data.labels, .groups = groups, .classes = 40};
  ASSERT_TRUE(is_large(task));
  std::size_t fits = 0;
  std::size_t announced = 0;
  const ChoiceSettings settings{.inverse_l2 = {1, 10}, .folds = 2, .turns = 4, .sampled_rows = 120};
  const auto choice = choose(task, settings, 7, 0.9, [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(done, ++fits);
    announced = total;
  });
  ASSERT_TRUE(choice);
  EXPECT_EQ(fits, announced);
  EXPECT_GT(choice->accuracy, 0.9);
  EXPECT_GE(choice->kept, 0.9);
  EXPECT_GT(choice->strangers_rejected, 0.5);
}

TEST(Choose, AClassThatAFoldHasNotSeenDoesNotCount) {
  auto data = clusters({6, 6, 1}, 12, 0.3, 3);
  const auto choice = choose_for(data, 3, 1);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->folds, 2U);
  EXPECT_EQ(choice->accuracy, 1);
}

}  // namespace
}  // namespace sluice::host
