#include "sluice/domain/ai/head_learn.hpp"

#include <fmt/format.h>

#include "sluice/domain/ai/arguments.hpp"
#include "sluice/domain/ai/files.hpp"
#include "sluice/domain/ai/head_learning.hpp"
#include "sluice/domain/serving/hosts.hpp"

namespace sluice::ai {
namespace {

/// A head trained on the features of another model would predict nonsense, so the model that computed the
/// features must be the base.
Result<void> check_same_base(const Artifact& features, const BaseModel& base) {
  const Value* made_by = features.metadata ? features.metadata->find("base") : nullptr;
  if (made_by == nullptr || *made_by == reference_of(base)) return {};
  const auto described = [](const Value& reference) {
    return fmt::format("`{}` at commit {}", reference.text_at("repository"),
                       reference.text_at("commit").substr(0, 12));
  };
  return Fail(
      user_error(Code::failed_precondition, fmt::format("the features were computed with {}, but the head is "
                                                        "to be trained on {}; embed the pictures with that "
                                                        "model",
                                                        described(*made_by), described(reference_of(base)))));
}

/// The fraction of correct predictions to keep.
Result<double> keep_of(const Struct& with) {
  const double keep = number_of(with, "keep", 0.9);
  if (keep > 0 && keep <= 1) return keep;
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format(
          "keep is {}; it is the fraction of correct predictions to keep and must be above 0 and at most 1",
          keep)));
}

}  // namespace

const ir::Signature& HeadLearn::declared() {
  using Kind = ir::Type::Kind;
  static const ir::Signature signature{
      .name = "head.learn",
      .version = "1.1.0",
      .inputs = {{.name = "features", .type = {.kind = Kind::artifact, .artifact_kind = "features"}},
                 {.name = "split", .type = {.kind = Kind::artifact, .artifact_kind = "split"}},
                 {.name = "model", .type = {.kind = Kind::string}, .optional = true},
                 {.name = "seed", .type = {.kind = Kind::integer}, .optional = true},
                 {.name = "keep", .type = {.kind = Kind::number}, .optional = true},
                 {.name = "appraise", .type = {.kind = Kind::boolean}, .optional = true}},
      .outputs = {{.name = "model", .type = {.kind = Kind::artifact, .artifact_kind = "model"}},
                  {.name = "predictions", .type = {.kind = Kind::artifact, .artifact_kind = "predictions"}},
                  {.name = "summary", .type = {.kind = Kind::structure}},
                  {.name = "appraisal",
                   .type = {.kind = Kind::artifact, .artifact_kind = "appraisal"},
                   .optional = true}}};
  return signature;
}

const ir::Signature& HeadLearn::signature() const { return declared(); }

Result<Value> HeadLearn::environment(const Struct& with) const {
  SLUICE_TRY(base, bases_.find(Principal{}.workspace, text_of(with, "model", default_base)));
  return environment_of(base, platform_);
}

Result<void> HeadLearn::check(const Struct& known) const {
  SLUICE_DO(keep_of(known));
  return {};
}

Result<Struct> HeadLearn::run(const ports::ServiceCall& call) {
  const std::int64_t seed = integer_of(call.with, "seed", 7);
  SLUICE_TRY(keep, keep_of(call.with));
  SLUICE_TRY(base, bases_.find(call.principal.workspace, text_of(call.with, "model", default_base)));
  SLUICE_DO(check_same_base(artifact_of(call.with, "features"), base));
  SLUICE_TRY(features, objects_.materialize(artifact_of(call.with, "features")));
  SLUICE_TRY(split, objects_.materialize(artifact_of(call.with, "split")));
  const auto out = call.scratch / "head";
  Struct params;
  params.set("seed", seed);
  params.set("base", reference_of(base));
  params.set("preprocessing", base.preprocessing);
  params.set("keep", keep);
  const bool appraise = Value(call.with).boolean_at("appraise");
  params.set("appraise", appraise);
  Value learned;
  SLUICE_DO(serving::work_on_host(
      hosts_, {.base = base.files}, "head.learn",
      [&](serving::HostLease& host) -> Result<void> {
        SLUICE_DO(make_empty_folder(out));
        SLUICE_TRY(summary, learn_on(host, {.features = features, .split = split, .out = out}, params,
                                     call.cancel, call.report));
        learned = std::move(summary);
        return {};
      },
      call.cancel));

  SLUICE_TRY(model, store_folder(objects_, out / "model", "model"));
  SLUICE_TRY(predictions, objects_.put_file(out / "predictions.json"));
  Struct summary = learned.if_struct() ? *learned.if_struct() : Struct{};
  summary.set("seed", seed);
  summary.set("keep", keep);
  Struct outputs;
  outputs.set("model", std::move(model));
  outputs.set("predictions", Artifact{.kind = "predictions",
                                      .digest = predictions.digest,
                                      .size = predictions.size,
                                      .name = "predictions.json"});
  outputs.set("summary", std::move(summary));
  if (appraise) {
    SLUICE_TRY(appraisal, objects_.put_file(out / "appraisal.json"));
    outputs.set("appraisal", Artifact{.kind = "appraisal",
                                      .digest = appraisal.digest,
                                      .size = appraisal.size,
                                      .name = "appraisal.json"});
  }
  return outputs;
}

}  // namespace sluice::ai
