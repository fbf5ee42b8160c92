#include "sluice/host/learning/appraisal.hpp"

namespace sluice::host {
namespace {

Value count_value(std::size_t count) { return static_cast<std::int64_t>(count); }

Value estimate_value(const Estimate& estimate) {
  Struct out;
  out.set("value", estimate.value);
  out.set("expected", estimate.expected);
  out.set("low", estimate.low);
  out.set("high", estimate.high);
  return out;
}

Value gate_value(std::span<const Refusal> refusals) {
  List reasons;
  for (const auto& refusal : refusals) {
    Struct reason;
    reason.set("code", refusal.code == Refusal::Code::not_above_largest_class ? "not_above_largest_class"
                                                                              : "below_nearest_centroids");
    reason.set("measured", refusal.measured);
    reason.set("limit", refusal.limit);
    reasons.emplace_back(std::move(reason));
  }
  Struct out;
  out.set("passed", refusals.empty());
  out.set("reasons", std::move(reasons));
  return out;
}

/// Fills names in.
class Names {
 public:
  Names(std::span<const std::string> classes, std::span<const std::string> paths,
        std::span<const std::size_t> labels)
      : classes_(classes), paths_(paths), labels_(labels) {}

  [[nodiscard]] Value classes(const Appraisal& appraisal) const {
    List out;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      const auto& own = appraisal.classes[c];
      Struct entry;
      entry.set("label", classes_[c]);
      entry.set("support", count_value(own.support));
      entry.set("different", count_value(own.different));
      entry.set("precision", own.precision);
      entry.set("recall", own.recall);
      out.emplace_back(std::move(entry));
    }
    return out;
  }

  [[nodiscard]] Value confusion(const Appraisal& appraisal) const {
    List out;
    for (const auto& cell : appraisal.confusion) {
      Struct entry;
      entry.set("label", classes_[cell.label]);
      entry.set("predicted", classes_[cell.predicted]);
      entry.set("count", count_value(cell.count));
      out.emplace_back(std::move(entry));
    }
    return out;
  }

  [[nodiscard]] Value mistakes(const Appraisal& appraisal) const {
    List out;
    for (const auto& mistake : appraisal.mistakes) {
      auto entry = sample(mistake.sample);
      entry.set("predicted", classes_[mistake.predicted]);
      entry.set("probability", mistake.probability);
      out.emplace_back(std::move(entry));
    }
    return out;
  }

  [[nodiscard]] Value mislabels(const Appraisal& appraisal) const {
    List out;
    for (const auto& mislabel : appraisal.mislabels) {
      auto entry = sample(mislabel.sample);
      entry.set("suggested", classes_[mislabel.suggested]);
      entry.set("probability", mislabel.probability);
      entry.set("probability_of_label", mislabel.of_label);
      out.emplace_back(std::move(entry));
    }
    return out;
  }

  [[nodiscard]] Value duplicates(const Appraisal& appraisal) const {
    List out;
    for (const auto& group : appraisal.duplicates) {
      List members;
      for (const auto i : group) members.emplace_back(sample(i));
      out.emplace_back(std::move(members));
    }
    return out;
  }

  [[nodiscard]] Value more(const Appraisal& appraisal) const {
    List out;
    for (const auto& more : appraisal.more) {
      Struct entry;
      entry.set("label", classes_[more.label]);
      entry.set("gain", more.gain);
      out.emplace_back(std::move(entry));
    }
    return out;
  }

 private:
  [[nodiscard]] Struct sample(std::size_t i) const {
    Struct out;
    out.set("path", paths_[i]);
    out.set("label", classes_[labels_[i]]);
    return out;
  }

  std::span<const std::string> classes_;
  std::span<const std::string> paths_;
  std::span<const std::size_t> labels_;
};

}  // namespace

Value to_value(const Appraisal& appraisal, const AppraisalOptions& options, double strangers_rejected,
               std::span<const std::string> classes, std::span<const std::string> paths,
               std::span<const std::size_t> labels) {
  const Names names(classes, paths, labels);
  Struct nearest;
  nearest.set("accuracy", appraisal.nearest_accuracy);
  nearest.set("balanced_accuracy", appraisal.nearest_balanced_accuracy);
  List curve;
  for (const auto& point : appraisal.curve.points) {
    Struct entry;
    entry.set("examples", count_value(point.each));
    entry.set("balanced_accuracy", point.balanced_accuracy);
    curve.emplace_back(std::move(entry));
  }
  Struct out;
  out.set("format", 1);
  out.set("seed", options.seed);
  out.set("keep", options.keep);
  out.set("examples", count_value(appraisal.samples));
  out.set("repeats", count_value(appraisal.repeats));
  out.set("folds", count_value(appraisal.folds));
  out.set("gate", gate_value(appraisal.refusals));
  out.set("accuracy", estimate_value(appraisal.accuracy));
  out.set("balanced_accuracy", estimate_value(appraisal.balanced_accuracy));
  out.set("nearest_centroids", std::move(nearest));
  out.set("largest_class_share", appraisal.largest_class_share);
  out.set("calibration_error", appraisal.calibration_error);
  out.set("kept", appraisal.kept);
  if (strangers_rejected >= 0) out.set("strangers_rejected", strangers_rejected);
  out.set("classes", names.classes(appraisal));
  out.set("confusion", names.confusion(appraisal));
  out.set("mistakes", names.mistakes(appraisal));
  out.set("mislabels_found", count_value(appraisal.mislabels_found));
  out.set("mislabels", names.mislabels(appraisal));
  out.set("duplicate_groups", count_value(appraisal.duplicate_groups));
  out.set("duplicates", names.duplicates(appraisal));
  out.set("curve", std::move(curve));
  out.set("twenty_more", names.more(appraisal));
  return out;
}

}  // namespace sluice::host
