#include "sluice/domain/models/card.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/models/front_matter.hpp"

namespace sluice::models {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

CardFacts stamps() {
  auto facts = *read_model_json(
      R"({"format": 1, "kind": "image-classifier", "classes": ["bird", "fish"], "head": "head.onnx",
    "base": {"repository": "efficientnet-lite0", "commit": "0123456789012345678901234567890123456789", "digest": "ab", "tap": "features"},
    "temperature": 0.25, "threshold": -0.5})");
  facts.name = "stamps";
  facts.license = "apache-2.0";
  facts.data = {{.name = "pictures", .digest = "c0ffee"}};
  facts.metrics =
      *parse_json(
           R"({"accuracy": 0.819149, "accuracy_low": 0.757919, "accuracy_high": 0.867597, "pictures": 188,
    "right": 154, "calibration_error": 0.04, "rejected_of_wrong": null,
    "by_class": {"bird": {"precision": 0.9166, "recall": 0.75, "pictures": 30}, "fish": {"precision": null, "recall": 0.0, "pictures": 6}}})")
           ->if_struct();
  facts.training = *parse_json(R"({"l2": 0.001, "seed": 7, "strangers_rejected": 0.574})")->if_struct();
  facts.has_confusion_picture = true;
  return facts;
}

TEST(Card, MetadataIsInFront) {
  const auto card = write_card(stamps());
  const auto read = read_front_matter(card, "README.md");
  ASSERT_OK(read);
  EXPECT_EQ(read->text_at("license"), "apache-2.0");
  EXPECT_EQ(read->text_at("pipeline_tag"), "image-classification");
  EXPECT_EQ(read->text_at("base_model"), "efficientnet-lite0");
  EXPECT_EQ(*read->find("classes"), Value(List{"bird", "fish"}));
  EXPECT_EQ(*read->find("datasets"), Value(List{"pictures@sha256:c0ffee"}));
  EXPECT_EQ(read->find("base")->text_at("commit"), "0123456789012345678901234567890123456789");
  EXPECT_GE(read->find("limits")->if_list()->size(), 4U);
  const auto& result = read->find("model-index")->if_list()->front().find("results")->if_list()->front();
  EXPECT_EQ(result.find("task")->text_at("type"), "image-classification");
  EXPECT_EQ(result.find("dataset")->text_at("revision"), "c0ffee");
  const auto& metrics = *result.find("metrics")->if_list();
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].text_at("type"), "accuracy");
  EXPECT_EQ(metrics[0].number_at("value"), 0.819149);
  EXPECT_EQ(*metrics[0].find("interval_95"), Value(List{0.757919, 0.867597}));
  EXPECT_EQ(metrics[1].text_at("type"), "calibration_error");
}

TEST(Card, TheBodyIsProse) {
  const auto card = write_card(stamps());
  EXPECT_THAT(card, HasSubstr("# stamps\nClassifies pictures into 2 classes: `bird`, `fish`.\n"));
  EXPECT_THAT(card, HasSubstr("On 188 held-out pictures:\n"));
  EXPECT_THAT(card, HasSubstr("| accuracy | 0.8191 | 0.7579 to 0.8676 |\n| calibration error | 0.04 |  |\n"));
  EXPECT_THAT(card, HasSubstr("| bird | 0.92 | 0.75 | 30 |\n| fish | – | 0.00 | 6 |\n"));
  EXPECT_THAT(card, HasSubstr("![Confusion matrix](confusion.svg)"));
  EXPECT_THAT(card, HasSubstr("/v2/models/stamps/infer"));
  EXPECT_THAT(card, HasSubstr("- `fish` had fewer than 10 held-out pictures: treat its precision and recall "
                              "as rough estimates.\n"));
  EXPECT_THAT(card, HasSubstr("`rejected` is true for 57 % of such pictures (measured by leaving each class "
                              "out of training, in turn): check"));
  EXPECT_THAT(card, HasSubstr("| l2 | 0.001 |\n| seed | 7 |\n"));
  EXPECT_EQ(brief(stamps()), "2 classes, accuracy 0.819 (0.758 to 0.868 at 95 %)");
}

TEST(Card, OmitsWhatIsNotKnown) {
  auto facts = stamps();
  facts.metrics = {};
  facts.training = {};
  facts.data = {};
  facts.base_repository = "";
  facts.threshold = {};
  facts.has_confusion_picture = false;
  const auto card = write_card(facts);
  EXPECT_THAT(card,
              AllOf(Not(HasSubstr("model-index")), Not(HasSubstr("## Numbers")), Not(HasSubstr("base_model")),
                    Not(HasSubstr("confusion")), Not(HasSubstr("whose score"))));
  EXPECT_THAT(card, HasSubstr("`rejected` is true for some of such pictures: check"));
  EXPECT_EQ(brief(facts), "2 classes");
}

TEST(Card, NamesWithOddCharactersStayTheirNames) {
  auto facts = stamps();
  facts.name = "été: \"1\"";
  facts.classes = {"yes", "no: never"};
  const auto card = write_card(facts);
  const auto read = read_front_matter(card, "README.md");
  ASSERT_OK(read);
  EXPECT_EQ(*read->find("classes"), Value(List{"yes", "no: never"}));
  EXPECT_EQ(read->find("model-index")->if_list()->front().text_at("name"), facts.name);
  EXPECT_THAT(card, HasSubstr("/v2/models/%C3%A9t%C3%A9%3A%20%221%22/infer"));
}

TEST(Card, AClassifierNamesItsClasses) {
  EXPECT_EQ(read_model_json("{}").error().message,
            "model.json: `classes` is missing; a classifier must list its classes");
}

}  // namespace
}  // namespace sluice::models
