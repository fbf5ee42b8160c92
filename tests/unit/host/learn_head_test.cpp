// From a table of features and a split to a head's folder and its predictions for held-out pictures.
#include "sluice/host/learning/learn_head.hpp"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "npy.hpp"
#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/random.hpp"
#include "sluice/host/features.hpp"
#include "sluice/host/head.hpp"
#include "sluice/host/head_graph.hpp"

namespace sluice::host {
namespace {

const std::vector<std::string> classes = {"apple", "boat", "cat"};
constexpr std::size_t pictures_a_class = 9;
constexpr std::size_t columns = 64;

Value preprocessing_json() {
  return parse_json(R"({"version": 1, "size": 32, "channels": "rgb", "alpha": "white", "pad": "square-white",
    "resize": "bicubic-antialias", "mean": [127, 127, 127], "scale": [128, 128, 128], "layout": "nchw"})")
      .value();
}

class LearnHead : public testing::Test {
 protected:
  void SetUp() override {
    SeededRandom random(1);
    Features features{.columns = columns, .paths = {}, .values = {}};
    for (std::size_t c = 0; c < classes.size(); ++c) {
      for (std::size_t i = 0; i < pictures_a_class; ++i) {
        features.paths.push_back(fmt::format("{}/{}.png", classes[c], i));
        std::vector<double> row;
        double squares = 0;
        for (std::size_t k = 0; k < columns; ++k) {
          row.push_back(random.unit() + (k % classes.size() == c ? 0.9 : 0));
          squares += row.back() * row.back();
        }
        for (const double x : row) features.values.push_back(static_cast<float>(x / std::sqrt(squares)));
      }
    }
    table_ = test::to_npy(features.values, features.paths.size(), columns);
    index_ = test::to_index(features.paths);
  }

  /// `learned` pictures of each class, the others held out.
  Value split(std::size_t learned) const {
    Struct out;
    List in;
    List held_out;
    for (const auto& label : classes) {
      for (std::size_t i = 0; i < pictures_a_class; ++i) {
        Struct entry;
        entry.set("path", fmt::format("{}/{}.png", label, i));
        entry.set("label", label);
        (i < learned ? in : held_out).emplace_back(std::move(entry));
      }
    }
    out.set("seed", 1);
    out.set("classes", List(classes.begin(), classes.end()));
    out.set("learned", std::move(in));
    out.set("held_out", std::move(held_out));
    return out;
  }

  Result<LearnedHead> learn(const Value& of_split, double keep = 0.9, bool appraise = false) {
    return learn_head(
        runtime_, {.table = table_, .index = index_, .split = to_json(of_split)},
        {.seed = 7,
         .keep = keep,
         .appraise = appraise,
         .base = {.repository = "base",
                  .commit = std::string(40, 'a'),
                  .digest = std::string(64, 'b'),
                  .tap = "features"},
         .preprocessing = media::Preprocessing::from_value(preprocessing_json(), "test").value()});
  }

  std::string table_;
  std::string index_;
  runtimes::OpenVino runtime_;
};

TEST_F(LearnHead, WritesAModelAndPredictionsForHeldOutPictures) {
  const auto learned = learn(split(5));
  ASSERT_OK(learned);
  const auto* const summary = &learned->summary;
  EXPECT_EQ(summary->integer_at("learned"), 15);
  EXPECT_EQ(summary->integer_at("held_out"), 12);
  EXPECT_GT(summary->number_at("cross_validated_accuracy"), 0.9);
  EXPECT_GE(summary->number_at("cross_validated_kept"), 0.9);

  const auto description = head_description_from(learned->model_json);
  ASSERT_OK(description);
  EXPECT_EQ(description->classes, classes);
  EXPECT_EQ(description->base.repository, "base");
  EXPECT_EQ(description->temperature, summary->number_at("temperature"));
  EXPECT_TRUE(check_head_graph(learned->head_onnx, columns, classes.size(), "head.onnx"));

  const auto predictions = parse_json(learned->predictions_json).value();
  EXPECT_EQ(*predictions.find("classes"), Value(List(classes.begin(), classes.end())));
  const auto& list = *predictions.find("predictions")->if_list();
  ASSERT_EQ(list.size(), 12U);
  std::size_t right = 0;
  for (const auto& entry : list) {
    right += entry.text_at("label") == entry.text_at("predicted") ? 1 : 0;
    EXPECT_TRUE(entry.text_at("path").starts_with(entry.text_at("label") + "/"));
    const auto& probabilities = *entry.find("probabilities")->if_list();
    ASSERT_EQ(probabilities.size(), classes.size());
    double sum = 0;
    double most = 0;
    for (const auto& p : probabilities) {
      sum += *p.as_double();
      most = std::max(most, *p.as_double());
    }
    EXPECT_NEAR(sum, 1, 1e-5);
    EXPECT_EQ(entry.number_at("probability"), most);
    EXPECT_EQ(entry.boolean_at("rejected"), entry.number_at("score") < description->threshold);
  }
  EXPECT_EQ(right, 12U);
}

TEST_F(LearnHead, LearnsFromEverythingAndAppraisesItself) {
  const auto learned = learn(split(pictures_a_class), 0.9, true);
  ASSERT_OK(learned);
  EXPECT_EQ(learned->summary.integer_at("learned"), 27);
  EXPECT_EQ(learned->summary.integer_at("held_out"), 0);
  EXPECT_TRUE(parse_json(learned->predictions_json)->find("predictions")->if_list()->empty());
  const auto appraisal = parse_json(learned->appraisal_json);
  ASSERT_OK(appraisal);
  EXPECT_EQ(appraisal->integer_at("examples"), 27);
  EXPECT_EQ(appraisal->integer_at("seed"), 7);
  EXPECT_TRUE(appraisal->find("gate")->boolean_at("passed"));
  EXPECT_GT(appraisal->find("balanced_accuracy")->number_at("low"), 0.6);
  EXPECT_EQ(appraisal->number_at("strangers_rejected"), learned->summary.number_at("strangers_rejected"));
  EXPECT_EQ((*appraisal->find("classes")->if_list())[2].text_at("label"), "cat");
  // The head is the same as without.
  const auto plain = test::value_of(learn(split(pictures_a_class)));
  EXPECT_EQ(learned->head_onnx, plain.head_onnx);
  EXPECT_EQ(plain.appraisal_json, "");
}

TEST_F(LearnHead, AppraisesWhatItLearnsFromWhereSomeAreHeldOut) {
  const auto learned = test::value_of(learn(split(5), 0.9, true));
  EXPECT_EQ(parse_json(learned.appraisal_json)->integer_at("examples"), 15);
  EXPECT_EQ(parse_json(learned.predictions_json)->find("predictions")->if_list()->size(), 12U);
}

TEST_F(LearnHead, TheSameInputGivesTheSameBytes) {
  const auto first = test::value_of(learn(split(4), 0.9, true));
  const auto second = test::value_of(learn(split(4), 0.9, true));
  EXPECT_EQ(first.model_json, second.model_json);
  EXPECT_EQ(first.head_onnx, second.head_onnx);
  EXPECT_EQ(first.predictions_json, second.predictions_json);
  EXPECT_EQ(first.appraisal_json, second.appraisal_json);
}

TEST_F(LearnHead, NamesTheClassThatHasTooFew) {
  EXPECT_EQ(learn(split(1)).error().message,
            "class `apple` has one picture to learn from, but two are needed; add pictures of it, or leave "
            "the class out");
  EXPECT_EQ(learn(split(0)).error().message,
            "class `apple` has no picture to learn from, but two are needed; add pictures of it, or leave "
            "the class out");
}

TEST_F(LearnHead, NamesWhatIsWrongWithTheSplit) {
  const auto changed = [&](std::string_view list, std::string_view path, std::string_view label) {
    auto json = *split(3).if_struct();
    auto entries = *json.find(list)->if_list();
    Struct entry;
    entry.set("path", path);
    entry.set("label", label);
    entries.emplace_back(std::move(entry));
    json.set(std::string(list), std::move(entries));
    return learn(json).error().message;
  };
  EXPECT_EQ(changed("held_out", "cat/99.png", "cat"),
            "split.json: `held_out` names picture `cat/99.png`, which has no features; split and embed the "
            "same folder");
  EXPECT_EQ(changed("learned", "cat/8.png", "cats"),
            "split.json: picture `cat/8.png` has label `cats`, which is not among the classes; did you mean "
            "`cat`?");
  EXPECT_EQ(learn(Struct{}).error().message, "split.json: `classes` must name two classes or more");
  EXPECT_EQ(learn(split(3), 1.5).error().message, "`keep` is 1.5, but must be above 0 and at most 1");
}

}  // namespace
}  // namespace sluice::host
