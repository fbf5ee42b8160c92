// An appraisal of samples, of usual and of strange ones.
#include "sluice/host/learning/appraisal.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clusters.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/host/learning/folds.hpp"

namespace sluice::host {
namespace {

using test::clusters;
using test::Data;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

Result<Appraisal> appraise(const Data& data, std::size_t classes,
                           const AppraisalOptions& options = {.seed = 7}) {
  const Reduction reduction(data.samples);
  return host::appraise(data.samples, reduction.reduced(), data.labels, classes, options);
}

Value json_of(const Appraisal& appraisal, const Data& data, std::size_t classes) {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < classes; ++c) names.push_back("class-" + std::to_string(c));
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < data.labels.size(); ++i) paths.push_back(std::to_string(i) + ".png");
  return to_value(appraisal, {.seed = 7}, 0.5, names, paths, data.labels);
}

/// The accuracy and the balanced accuracy must follow from the counts, and everything be in its bounds.
void check_consistent(const Appraisal& appraisal, const Data& data, std::size_t classes) {
  std::size_t counted = 0;
  std::size_t right = 0;
  for (const auto& cell : appraisal.confusion) {
    counted += cell.count;
    right += cell.label == cell.predicted ? cell.count : 0;
  }
  const auto asked = static_cast<double>(data.labels.size() * appraisal.repeats);
  EXPECT_LE(counted, data.labels.size() * appraisal.repeats);
  EXPECT_NEAR(appraisal.accuracy.value, static_cast<double>(right) / asked, 1e-12);
  ASSERT_EQ(appraisal.classes.size(), classes);
  double recalls = 0;
  for (const auto& own : appraisal.classes) {
    EXPECT_GT(own.support, 0U);
    EXPECT_LE(own.different, own.support);
    recalls += own.recall / static_cast<double>(classes);
  }
  EXPECT_NEAR(appraisal.balanced_accuracy.value, recalls, 1e-12);
  EXPECT_GE(appraisal.calibration_error, 0);
  EXPECT_LE(appraisal.calibration_error, 1);
  for (const auto& mislabel : appraisal.mislabels) {
    EXPECT_NE(mislabel.suggested, data.labels[mislabel.sample]);
    EXPECT_GT(mislabel.probability, mislabel.of_label);
  }
}

TEST(Appraise, SeparableClassesPassTheGate) {
  const auto data = clusters(6, 8, 60, 0.6, 17);
  const auto appraisal = appraise(data, 6);
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 6);
  EXPECT_EQ(appraisal->folds, 5U);
  EXPECT_EQ(appraisal->repeats, 5U);
  EXPECT_GT(appraisal->accuracy.value, 0.95);
  EXPECT_GT(appraisal->accuracy.low, 0.7);
  EXPECT_GT(appraisal->kept, 0.7);
  EXPECT_THAT(appraisal->refusals, IsEmpty());
  EXPECT_THAT(appraisal->duplicates, IsEmpty());
  EXPECT_THAT(appraisal->mislabels, IsEmpty());
  ASSERT_GE(appraisal->curve.points.size(), 3U);
  EXPECT_LT(appraisal->curve.points.front().balanced_accuracy,
            appraisal->curve.points.back().balanced_accuracy + 1e-9);
}

TEST(Appraise, LabelsThatMeanNothingAreRefused) {
  auto data = clusters(4, 12, 40, 0.8, 21);
  SeededRandom random(3);
  shuffle(data.labels, random);
  const auto appraisal = appraise(data, 4);
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 4);
  EXPECT_LT(appraisal->accuracy.value, 0.5);
  ASSERT_THAT(appraisal->refusals, Not(IsEmpty()));
  EXPECT_EQ(appraisal->refusals[0].code, Refusal::Code::not_above_largest_class);
  EXPECT_EQ(appraisal->refusals[0].limit, 0.25);
}

TEST(Appraise, AWrongLabelIsFoundAndTheRightOneSuggested) {
  auto data = clusters(5, 10, 60, 0.6, 5);
  data.labels[13] = (data.labels[13] + 2) % 5;
  const auto truth = (data.labels[13] + 3) % 5;
  const auto appraisal = appraise(data, 5);
  ASSERT_OK(appraisal);
  ASSERT_THAT(appraisal->mislabels, Not(IsEmpty()));
  EXPECT_EQ(appraisal->mislabels[0].sample, 13U);
  EXPECT_EQ(appraisal->mislabels[0].suggested, truth);
  EXPECT_EQ(appraisal->mislabels_found, appraisal->mislabels.size());
  EXPECT_EQ(appraisal->mistakes[0].sample, 13U);
}

TEST(Appraise, TheSameSeedGivesTheSameAnswer) {
  const auto data = clusters(3, 7, 30, 1.5, 9);
  const auto first = test::value_of(appraise(data, 3));
  const auto second = test::value_of(appraise(data, 3));
  EXPECT_EQ(to_json(json_of(first, data, 3)), to_json(json_of(second, data, 3)));
  const auto other = test::value_of(appraise(data, 3, {.seed = 8}));
  EXPECT_NE(to_json(json_of(first, data, 3)), to_json(json_of(other, data, 3)));
}

// A picture that occurs several times must not be known from the training: without groups, noise would look
// separable.
TEST(Appraise, CopiesOfASampleDoNotMakeItBetter) {
  auto noise = clusters(2, 12, 200, 60, 31);
  Data data{.samples = Matrix(72, 200), .labels = {}};
  for (std::size_t i = 0; i < 72; ++i) {
    std::ranges::copy(noise.samples.row(i / 3), data.samples.row(i).begin());
    data.labels.push_back(noise.labels[i / 3]);
  }
  const auto appraisal = appraise(data, 2);
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 2);
  EXPECT_LT(appraisal->accuracy.value, 0.8);
  EXPECT_THAT(appraisal->refusals, Not(IsEmpty()));
  EXPECT_EQ(appraisal->duplicate_groups, 24U);
  EXPECT_THAT(appraisal->duplicates[0], ElementsAre(0, 1, 2));
  EXPECT_EQ(appraisal->classes[0].support, 36U);
  EXPECT_EQ(appraisal->classes[0].different, 12U);
  // 24 different ones count, not 72.
  EXPECT_GT(appraisal->accuracy.high - appraisal->accuracy.low, 0.35);
}

TEST(Appraise, AllPicturesEqual) {
  Data data{.samples = Matrix(12, 20), .labels = {}};
  for (std::size_t i = 0; i < 12; ++i) {
    data.samples.row(i)[4] = 1;
    data.labels.push_back(i % 3);
  }
  const auto appraisal = appraise(data, 3);
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 3);
  EXPECT_EQ(appraisal->duplicate_groups, 1U);
  EXPECT_EQ(appraisal->duplicates[0].size(), 12U);
  EXPECT_EQ(appraisal->accuracy.value, 0);
  EXPECT_THAT(appraisal->refusals, Not(IsEmpty()));
}

TEST(Appraise, OneClassFarLargerThanTheOthers) {
  const auto data = clusters({200, 4, 4}, 80, 0.5, 13);
  const auto good = appraise(data, 3);
  ASSERT_OK(good);
  check_consistent(*good, data, 3);
  EXPECT_NEAR(good->largest_class_share, 200.0 / 208, 1e-12);
  EXPECT_GT(good->balanced_accuracy.value, 0.9);
  // So few others cannot show that the head is better than a person who always says the largest class.
  EXPECT_GT(good->balanced_accuracy.high - good->balanced_accuracy.low, 0.2);

  const auto unclear = clusters({200, 4, 4}, 80, 40, 13);
  const auto bad = appraise(unclear, 3);
  ASSERT_OK(bad);
  check_consistent(*bad, unclear, 3);
  EXPECT_THAT(bad->refusals, Not(IsEmpty()));
}

TEST(Appraise, TwoClassesOfThree) {
  const auto data = clusters(2, 3, 60, 0.6, 3);
  const auto appraisal = appraise(data, 2);
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 2);
  EXPECT_EQ(appraisal->folds, 3U);
  // Six right answers say little: at least a third of them could have been wrong.
  EXPECT_EQ(appraisal->accuracy.value, 1);
  EXPECT_LT(appraisal->accuracy.low, 0.67);
  EXPECT_EQ(appraisal->accuracy.high, 1);
}

TEST(Appraise, AClassOfOneOrTwoIsAskedAboutAllTheSame) {
  const auto data = clusters({9, 9, 1, 2}, 40, 0.5, 4);
  const auto appraisal = appraise(data, 4);
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 4);
  EXPECT_EQ(appraisal->classes[2].recall, 0);  // the only example is in the fold that asks for it
  EXPECT_EQ(appraisal->classes[0].recall, 1);
}

TEST(Appraise, ManyClassesOfThree) {
  const auto data = clusters(300, 3, 700, 0.8, 6);
  std::size_t last = 0;
  std::size_t of = 0;
  const auto appraisal =
      appraise(data, 300, {.seed = 7, .advanced = [&](std::size_t done, std::size_t total) {
                             EXPECT_LE(done, total);
                             last = done;
                             of = total;
                           }});
  ASSERT_OK(appraisal);
  check_consistent(*appraisal, data, 300);
  EXPECT_EQ(last, of);
  EXPECT_EQ(appraisal->repeats, 1U);
  EXPECT_EQ(appraisal->folds, 3U);
  EXPECT_GT(appraisal->accuracy.value, 0.9);
  EXPECT_LE(appraisal->more.size(), 20U);
}

TEST(Appraise, TheJsonHasNames) {
  auto data = clusters(3, 6, 30, 0.5, 9);
  std::ranges::copy(data.samples.row(0), data.samples.row(3).begin());
  data.labels[4] = 2;
  const auto appraisal = test::value_of(appraise(data, 3));
  const auto json = json_of(appraisal, data, 3);
  EXPECT_EQ(json.integer_at("format"), 1);
  EXPECT_EQ(json.integer_at("examples"), 18);
  EXPECT_EQ(json.number_at("strangers_rejected"), 0.5);
  EXPECT_EQ(json.find("gate")->boolean_at("passed"), appraisal.refusals.empty());
  EXPECT_EQ(json.find("accuracy")->number_at("low"), appraisal.accuracy.low);
  EXPECT_EQ((*json.find("classes")->if_list())[1].text_at("label"), "class-1");
  const auto& group = *(*json.find("duplicates")->if_list())[0].if_list();
  EXPECT_EQ(group[0].text_at("path"), "0.png");
  EXPECT_EQ(group[1].text_at("path"), "3.png");
  const auto& mislabels = *json.find("mislabels")->if_list();
  ASSERT_FALSE(mislabels.empty());
  EXPECT_EQ(mislabels[0].text_at("path"), "4.png");
  EXPECT_EQ(mislabels[0].text_at("label"), "class-2");
  EXPECT_EQ(mislabels[0].text_at("suggested"), "class-1");
}

}  // namespace
}  // namespace sluice::host
