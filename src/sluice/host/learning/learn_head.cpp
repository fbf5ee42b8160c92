#include "sluice/host/learning/learn_head.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/host/features.hpp"
#include "sluice/host/head.hpp"
#include "sluice/host/head_graph.hpp"
#include "sluice/host/learning/appraisal.hpp"
#include "sluice/host/learning/folds.hpp"
#include "sluice/host/learning/validation.hpp"

namespace sluice::host {
namespace {

constexpr std::size_t rows_per_batch = 256;
constexpr std::size_t split_bytes_max = std::size_t{1} << 30;

struct Picture {
  std::string path;
  std::size_t row = 0;    ///< in the features
  std::size_t label = 0;  ///< in the classes
};

struct Split {
  std::vector<std::string> classes;
  std::vector<Picture> learned;
  std::vector<Picture> held_out;
};

class SplitReader {
 public:
  SplitReader(const Features& features, std::vector<std::string> classes) : classes_(std::move(classes)) {
    for (std::size_t i = 0; i < features.paths.size(); ++i) rows_.emplace(features.paths[i], i);
    for (std::size_t i = 0; i < classes_.size(); ++i) labels_.emplace(classes_[i], i);
  }

  [[nodiscard]] Result<std::vector<Picture>> pictures(const Value& split, std::string_view field) const {
    const auto* given = split.find(field);
    if (given == nullptr || !given->is_list())
      return Fail(invalid_argument("split.json",
                                   fmt::format("`{}` must be a list of {{\"path\", \"label\"}}", field)));
    std::vector<Picture> out;
    for (const auto& entry : *given->if_list()) {
      const auto path = entry.text_at("path");
      const auto label = entry.text_at("label");
      const auto row = rows_.find(path);
      if (row == rows_.end())
        return Fail(invalid_argument(
            "split.json",
            fmt::format("`{}` names picture `{}`, which has no features; split and embed the same folder",
                        field, path)));
      const auto index = labels_.find(label);
      if (index == labels_.end())
        return Fail(invalid_argument(
            "split.json", fmt::format("picture `{}` has label `{}`, which is not among the classes{}", path,
                                      label, did_you_mean(label, classes_))));
      out.push_back({.path = path, .row = row->second, .label = index->second});
    }
    return out;
  }

 private:
  std::vector<std::string> classes_;
  std::unordered_map<std::string, std::size_t> rows_;
  std::unordered_map<std::string, std::size_t> labels_;
};

Result<Split> read_split(std::string_view text, const Features& features) {
  SLUICE_TRY(json, parse_json(text, "split.json", {.bytes_max = split_bytes_max}));
  Split out;
  if (const auto* classes = json.find("classes"); classes != nullptr && classes->is_list())
    for (const auto& entry : *classes->if_list())
      if (const auto* name = entry.if_string()) out.classes.push_back(*name);
  if (out.classes.size() < 2)
    return Fail(invalid_argument("split.json", "`classes` must name two classes or more"));
  const SplitReader reader(features, out.classes);
  SLUICE_TRY(learned, reader.pictures(json, "learned"));
  SLUICE_TRY(held_out, reader.pictures(json, "held_out"));
  std::vector<std::size_t> counts(out.classes.size());
  for (const auto& picture : learned) ++counts[picture.label];
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] < 2)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("class `{}` has {} to learn from, but two are needed; add pictures "
                                         "of it, or leave the class out",
                                         out.classes[i], counts[i] == 0 ? "no picture" : "one picture")));
  out.learned = std::move(learned);
  out.held_out = std::move(held_out);
  return out;
}

std::vector<float> to_floats(std::span<const double> values) {
  std::vector<float> out;
  out.reserve(values.size());
  for (const double x : values) out.push_back(static_cast<float>(x));
  return out;
}

/// Fits the classifier with the chosen parameters on all learned pictures.
Result<HeadNumbers> fit_head(const Matrix& samples, std::span<const std::size_t> labels, std::size_t classes,
                             const Reduction& reduction, const Choice& choice) {
  SLUICE_TRY(model, fit_logistic(reduction.reduced(), labels, classes, choice.l2));
  const auto centroids = centroids_of(samples, labels, classes);
  return HeadNumbers{.features = samples.columns,
                     .classes = classes,
                     .weights = to_floats(reduction.restore(model.weights).values),
                     .bias = to_floats(model.bias),
                     .temperature = static_cast<float>(choice.temperature),
                     .center = to_floats(centroids.center),
                     .centroids = to_floats(centroids.rows.values),
                     .centroid_weight = static_cast<float>(choice.centroid_weight),
                     .threshold = static_cast<float>(choice.threshold)};
}

Result<Value> predict_held_out(Head& head, const Features& features, const Split& split) {
  List predictions;
  for (std::size_t done = 0; done < split.held_out.size();) {
    const auto count = std::min(rows_per_batch, split.held_out.size() - done);
    std::vector<float> rows;
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = features.row(split.held_out[done + i].row);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    SLUICE_TRY(results, head.predict(rows, count));
    for (std::size_t i = 0; i < count; ++i) {
      const auto& picture = split.held_out[done + i];
      const auto& result = results[i];
      List probabilities;
      for (const float p : result.probabilities) probabilities.emplace_back(static_cast<double>(p));
      Struct entry;
      entry.set("path", picture.path);
      entry.set("label", split.classes[picture.label]);
      entry.set("predicted", split.classes[result.label]);
      entry.set("probability", static_cast<double>(result.probabilities[result.label]));
      entry.set("probabilities", std::move(probabilities));
      entry.set("score", static_cast<double>(result.score));
      entry.set("rejected", result.rejected);
      predictions.emplace_back(std::move(entry));
    }
    done += count;
  }
  Struct out;
  out.set("classes", List(split.classes.begin(), split.classes.end()));
  out.set("predictions", std::move(predictions));
  return out;
}

Result<std::string> appraise_head(const Split& split, const Matrix& samples, const LearningTask& task,
                                  const Choice& choice, const LearnOptions& options) {
  const AppraisalOptions settings{.seed = options.seed, .keep = options.keep, .advanced = options.appraised};
  SLUICE_TRY(appraisal, appraise(samples, task.samples, task.labels, task.classes, settings));
  std::vector<std::string> paths;
  paths.reserve(split.learned.size());
  for (const auto& picture : split.learned) paths.push_back(picture.path);
  const auto value =
      to_value(appraisal, settings, choice.strangers_rejected, split.classes, paths, task.labels);
  return to_json(value, JsonStyle::pretty) + "\n";
}

Value summary_of(const Split& split, const Choice& choice, const HeadDescription& description) {
  Struct out;
  out.set("classes", List(split.classes.begin(), split.classes.end()));
  out.set("learned", static_cast<std::int64_t>(split.learned.size()));
  out.set("held_out", static_cast<std::int64_t>(split.held_out.size()));
  out.set("l2", choice.l2);
  out.set("temperature", description.temperature);
  out.set("threshold", description.threshold);
  out.set("centroid_weight", description.centroid_weight);
  out.set("folds", static_cast<std::int64_t>(choice.folds));
  out.set("cross_validated_accuracy", choice.accuracy);
  out.set("cross_validated_loss", choice.loss);
  out.set("cross_validated_kept", choice.kept);
  if (choice.strangers_rejected >= 0) out.set("strangers_rejected", choice.strangers_rejected);
  return out;
}

}  // namespace

Result<LearnedHead> learn_head(runtimes::OpenVino& runtime, LearnInputs inputs, const LearnOptions& options) {
  if (!(options.keep > 0 && options.keep <= 1))
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("`keep` is {}, but must be above 0 and at most 1", options.keep)));
  SLUICE_TRY(features, read_features(inputs.table, inputs.index));
  inputs.table = {};
  inputs.index = {};
  SLUICE_TRY(split, read_split(inputs.split, features));
  inputs.split = {};
  const auto classes = split.classes.size();

  Matrix samples(split.learned.size(), features.columns);
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < split.learned.size(); ++i) {
    std::ranges::copy(features.row(split.learned[i].row), samples.row(i).begin());
    labels.push_back(split.learned[i].label);
  }
  const Reduction reduction(samples);
  const auto groups = groups_of_one(labels.size());
  const LearningTask task{
      .samples = reduction.reduced(), .labels = labels, .groups = groups, .classes = classes};
  SLUICE_TRY(choice, choose(task, usual_settings(task), options.seed, options.keep, options.fitted));
  SLUICE_TRY(numbers, fit_head(samples, labels, classes, reduction, choice));

  // The description repeats the numbers of the graph, which have 32 bits.
  const HeadDescription description{.base = options.base,
                                    .preprocessing = options.preprocessing,
                                    .temperature = static_cast<double>(numbers.temperature),
                                    .threshold = static_cast<double>(numbers.threshold),
                                    .classes = split.classes,
                                    .centroid_weight = static_cast<double>(numbers.centroid_weight)};
  LearnedHead out{.model_json = to_text(description), .head_onnx = write_head_graph(numbers)};

  // Measure what was written: read it back as a server would.
  SLUICE_TRY(written, head_description_from(out.model_json));
  SLUICE_TRY(head, Head::load(runtime, written, out.head_onnx, features.columns));
  SLUICE_TRY(predictions, predict_held_out(*head, features, split));
  out.predictions_json = to_json(predictions, JsonStyle::pretty) + "\n";
  if (options.appraise) {
    SLUICE_TRY(appraisal, appraise_head(split, samples, task, choice, options));
    out.appraisal_json = std::move(appraisal);
  }
  out.summary = summary_of(split, choice, description);
  return out;
}

}  // namespace sluice::host
