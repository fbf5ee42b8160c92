#pragma once
#include "sluice/domain/ai/base_model.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::serving {
class Hosts;
}

namespace sluice::ai {

/// The service `head.learn`: trains a classifier on top of a base model's features, with the pictures that a
/// split selects for training: multinomial logistic regression, its L2 strength chosen by cross-validation,
/// its confidence calibrated, and a threshold below which it rejects.
///   features  from image.embed
///   split     from dataset.split
///   model     the base model of the features, default "efficientnet-lite0"
///   seed      of the folds, default 7
///   keep      the fraction of correct predictions that the threshold accepts, default 0.9
///   appraise  whether to measure, with the pictures that are learned, how far the head can be trusted: for a
///             split that holds nothing out; default false
///   → model (a folder: head.onnx, model.json), predictions (a JSON file: every held-out picture), summary,
///     appraisal (a JSON file, host/README.md; absent unless it is asked for)
/// Thread-safe. The objects that it refers to must outlive it.
class HeadLearn final : public ports::Service {
 public:
  HeadLearn(ports::ObjectStore& objects, BaseModels& bases, serving::Hosts& hosts, Platform platform)
      : objects_(objects), bases_(bases), hosts_(hosts), platform_(std::move(platform)) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  [[nodiscard]] Result<void> check(const Struct& known) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  ports::ObjectStore& objects_;
  BaseModels& bases_;
  serving::Hosts& hosts_;
  Platform platform_;
};

}  // namespace sluice::ai
