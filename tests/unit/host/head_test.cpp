// A head on disk: its description, its graph, and its predictions.
#include "sluice/host/head.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/random.hpp"
#include "sluice/host/head_graph.hpp"

namespace sluice::host {
namespace {

constexpr std::size_t features = 40;
constexpr std::size_t classes = 3;

std::vector<float> numbers(SeededRandom& random, std::size_t count, double size = 1) {
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<float>(size * (2 * random.unit() - 1)));
  return out;
}

void to_unit_rows(std::vector<float>& values, std::size_t columns) {
  for (std::size_t at = 0; at < values.size(); at += columns) {
    double squares = 0;
    for (std::size_t i = 0; i < columns; ++i) squares += static_cast<double>(values[at + i]) * values[at + i];
    for (std::size_t i = 0; i < columns; ++i)
      values[at + i] = static_cast<float>(values[at + i] / std::sqrt(squares));
  }
}

HeadNumbers some_head() {
  SeededRandom random(5);
  HeadNumbers out{.features = features,
                  .classes = classes,
                  .weights = numbers(random, features * classes, 6),
                  .bias = numbers(random, classes),
                  .temperature = 0.7F,
                  .center = numbers(random, features, 0.05),
                  .centroids = numbers(random, features * classes),
                  .centroid_weight = 2.5F,
                  .threshold = -0.4F};
  to_unit_rows(out.centroids, features);
  return out;
}

HeadDescription some_description() {
  Struct preprocessing;
  preprocessing.set("version", 1);
  preprocessing.set("size", 224);
  preprocessing.set("channels", "rgb");
  preprocessing.set("alpha", "white");
  preprocessing.set("pad", "square-white");
  preprocessing.set("resize", "bicubic-antialias");
  preprocessing.set("mean", List{127, 127, 127});
  preprocessing.set("scale", List{128, 128, 128});
  preprocessing.set("layout", "nchw");
  return {.base = {.repository = "base",
                   .commit = std::string(40, 'c'),
                   .digest = std::string(64, 'd'),
                   .tap = "features"},
          .preprocessing = media::Preprocessing::from_value(preprocessing, "test").value(),
          .temperature = 0.7,
          .threshold = -0.4,
          .classes = {"bird", "fish", "tool"},
          .centroid_weight = 2.5};
}

/// The result of README.md's formula, in plain C++.
struct Expected {
  std::vector<double> probability;
  std::size_t label = 0;
  double score = 0;
};

Expected by_hand(const HeadNumbers& head, std::span<const float> x) {
  Expected out;
  double sum = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    double logit = head.bias[c];
    for (std::size_t i = 0; i < features; ++i)
      logit += static_cast<double>(head.weights[c * features + i]) * x[i];
    out.probability.push_back(std::exp(logit / head.temperature));
    sum += out.probability.back();
  }
  for (double& p : out.probability) p /= sum;
  out.label = static_cast<std::size_t>(std::ranges::max_element(out.probability) - out.probability.begin());
  double product = 0;
  double squares = 0;
  for (std::size_t i = 0; i < features; ++i) {
    const double centered = static_cast<double>(x[i]) - head.center[i];
    product += centered * head.centroids[out.label * features + i];
    squares += centered * centered;
  }
  out.score = std::log(out.probability[out.label]) + head.centroid_weight * product / std::sqrt(squares);
  return out;
}

/// The same graph in other bytes (with a doc string added), so that the runtime has to evaluate it.
std::string other_bytes(const HeadNumbers& head) {
  auto bytes = write_head_graph(head);
  constexpr char doc_string_of_a_model = 6 << 3 | 2;
  bytes += std::string{doc_string_of_a_model, 1, 'x'};
  return bytes;
}

void expect_formula(const HeadNumbers& head, const std::string& graph) {
  runtimes::OpenVino runtime;
  const auto loaded = Head::load(runtime, some_description(), graph, features);
  ASSERT_OK(loaded);
  constexpr std::size_t rows = 50;
  SeededRandom random(11);
  auto x = numbers(random, rows * features);
  to_unit_rows(x, features);
  const auto predictions = (*loaded)->predict(x, rows);
  ASSERT_OK(predictions);
  ASSERT_EQ(predictions->size(), rows);
  std::size_t rejected = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto expected = by_hand(head, std::span(x).subspan(i * features, features));
    const auto& got = (*predictions)[i];
    EXPECT_EQ(got.label, expected.label);
    ASSERT_EQ(got.probabilities.size(), classes);
    for (std::size_t c = 0; c < classes; ++c)
      EXPECT_NEAR(got.probabilities[c], expected.probability[c], 1e-5);
    EXPECT_NEAR(got.score, expected.score, 2e-3);  // centroids are in f16
    EXPECT_EQ(got.rejected, got.score < head.threshold);
    rejected += got.rejected ? 1 : 0;
  }
  EXPECT_GT(rejected, 0U);
  EXPECT_LT(rejected, rows);
}

TEST(Head, AGraphOfOursIsEvaluatedByItsNumbersAsTheFormulaSays) {
  const auto head = some_head();
  EXPECT_TRUE(read_head_graph(write_head_graph(head)));
  expect_formula(head, write_head_graph(head));
}

TEST(Head, AnotherGraphIsEvaluatedByTheRuntimeAsTheFormulaSays) {
  const auto head = some_head();
  EXPECT_FALSE(read_head_graph(other_bytes(head)));
  expect_formula(head, other_bytes(head));
}

TEST(Head, OneRowAtATimeOrAllAtOnceIsTheSame) {
  runtimes::OpenVino runtime;
  const auto loaded =
      Head::load(runtime, some_description(), write_head_graph(some_head()), features).value();
  SeededRandom random(3);
  auto x = numbers(random, 4 * features);
  to_unit_rows(x, features);
  const auto together = loaded->predict(x, 4).value();
  for (std::size_t i = 0; i < 4; ++i) {
    const auto alone = loaded->predict(std::span(x).subspan(i * features, features), 1).value();
    EXPECT_EQ(alone[0].label, together[i].label);
    for (std::size_t c = 0; c < classes; ++c)
      EXPECT_NEAR(alone[0].probabilities[c], together[i].probabilities[c], 1e-6);
  }
}

TEST(HeadGraph, TheSameNumbersGiveTheSameBytes) {
  const auto bytes = write_head_graph(some_head());
  EXPECT_EQ(bytes, write_head_graph(some_head()));
  EXPECT_TRUE(check_head_graph(bytes, features, classes, "head.onnx"));
}

TEST(HeadGraph, OthersAreRefused) {
  const auto bytes = write_head_graph(some_head());
  const auto message = [](std::string_view graph, std::size_t f = features, std::size_t c = classes) {
    return test::message_of(check_head_graph(graph, f, c, "head.onnx"));
  };
  EXPECT_EQ(message("no"), "head.onnx: not an ONNX file");
  EXPECT_EQ(message(bytes, 41), "head.onnx: its only input must be `features`, f32 [N, 41]");
  EXPECT_EQ(message(bytes, features, 4), "head.onnx: its output `probability` must be f32 [N, 4]");
  auto other = bytes;
  for (auto at = other.find("Softmax"); at != std::string::npos; at = other.find("Softmax"))
    other.replace(at, 7, "Hardmax");
  EXPECT_TRUE(
      message(other).starts_with("head.onnx: operator `Hardmax` is not allowed in a head; allowed: ArgMax, "))
      << message(other);
  auto renamed = bytes;
  for (auto at = renamed.find("rejected"); at != std::string::npos; at = renamed.find("rejected"))
    renamed.replace(at, 8, "rejectex");
  EXPECT_EQ(message(renamed), "head.onnx: it has no output `rejected`, bool [N]");
}

TEST(HeadDescription, ReadsWhatItWrites) {
  const auto text = to_text(some_description());
  const auto read = head_description_from(text);
  ASSERT_OK(read);
  EXPECT_EQ(*read, some_description());
  EXPECT_EQ(to_text(*read), text);
}

/// The message for a description with one field changed; `path` is "field" or "object.field".
std::string message_with(const std::string& path, const Value& value) {
  auto json = *parse_json(to_text(some_description())).value().if_struct();
  if (const auto dot = path.find('.'); dot != std::string::npos) {
    auto inner = *json.find(path.substr(0, dot))->if_struct();
    inner.set(path.substr(dot + 1), value);
    json.set(path.substr(0, dot), inner);
  } else {
    json.set(path, value);
  }
  return test::message_of(head_description_from(to_json(json)));
}

TEST(HeadDescription, IsReadStrictly) {
  EXPECT_EQ(message_with("format", 2),
            "model.json: `format` is 2, but this program supports 1; a newer Sluice may support it");
  EXPECT_EQ(message_with("kind", "detector"),
            "model.json: `kind` is \"detector\", but this program supports only \"image-classifier\"");
  EXPECT_EQ(message_with("base.commit", "HEAD"),
            "model.json: base: `commit` must be 40 lower-case hexadecimal digits");
  EXPECT_EQ(message_with("base.extra", 1), "model.json: base: unknown field `extra`");
  EXPECT_EQ(message_with("head", "../head.onnx"),
            "model.json: `head` is \"../head.onnx\", but must name an .onnx file in the same folder");
  EXPECT_EQ(message_with("temperature", 0), "model.json: `temperature` must be a number from 1e-06 to 1e+06");
  EXPECT_EQ(message_with("threshold", "high"),
            "model.json: `threshold` must be a number from -1e+06 to 1e+06");
  EXPECT_EQ(message_with("classes", List{"a"}), "model.json: 1 classes, but there must be 2 to 10000");
  EXPECT_EQ(message_with("classes", List{"a", "a"}), "model.json: class `a` is listed twice");
  EXPECT_EQ(message_with("classes", List{"a", 1}), "model.json: `classes` must be a list of names");
  EXPECT_EQ(message_with("score.kind", "energy"),
            "model.json: score: `kind` is \"energy\", but this program supports only "
            "\"log-probability+centroid-cosine\"");
  EXPECT_EQ(message_with("preprocessing.size", 1),
            "model.json: preprocessing: `size` must be a whole number from 8 to 1024");
  EXPECT_EQ(message_with("clases", List{}), "model.json: unknown field `clases`; did you mean `classes`?");
  EXPECT_EQ(head_description_from("{}").error().message, "model.json: `format` is missing");
  EXPECT_EQ(head_description_from("[]").error().message, "model.json: must be an object, not list");
  EXPECT_FALSE(head_description_from("{"));
}

}  // namespace
}  // namespace sluice::host
