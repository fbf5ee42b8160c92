#include "sluice/domain/ai/image_embed.hpp"

#include "sluice/base/findings.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/ai/arguments.hpp"
#include "sluice/domain/ai/files.hpp"
#include "sluice/domain/ai/picture_embedding.hpp"
#include "sluice/domain/ai/picture_folder.hpp"
#include "sluice/domain/serving/hosts.hpp"

namespace sluice::ai {

namespace {

/// What is wrong with the folder before any picture has been read.
Findings findings_in(const PictureFolder& folder) {
  Findings findings;
  for (const auto& path : folder.dangling) findings.add(describe_dangling(path));
  if (folder.pictures.empty()) findings.add("there are no pictures in the folder");
  return findings;
}

}  // namespace

const ir::Signature& ImageEmbed::declared() {
  using Kind = ir::Type::Kind;
  static const ir::Signature signature{
      .name = "image.embed",
      .version = "1.1.0",
      .inputs = {{.name = "pictures", .type = {.kind = Kind::artifact, .artifact_kind = "directory"}},
                 {.name = "model", .type = {.kind = Kind::string}, .optional = true}},
      .outputs = {{.name = "features", .type = {.kind = Kind::artifact, .artifact_kind = "features"}},
                  {.name = "count", .type = {.kind = Kind::integer}}}};
  return signature;
}

const ir::Signature& ImageEmbed::signature() const { return declared(); }

Result<Value> ImageEmbed::environment(const Struct& with) const {
  SLUICE_TRY(base, bases_.find(Principal{}.workspace, text_of(with, "model", default_base)));
  return environment_of(base, platform_);
}

Result<void> ImageEmbed::check(const Struct& known) const {
  if (!known.find("pictures")) return {};
  SLUICE_TRY(pictures, picture_folder(objects_, artifact_of(known, "pictures"), "pictures"));
  auto findings = findings_in(pictures);
  if (findings.empty()) return {};
  return Fail(std::move(findings).error(Code::invalid_argument));
}

/// Features are the same as long as what the cache key of an embedding names is: a decoder that gives other
/// pixels needs another version of the service.
std::filesystem::path ImageEmbed::cache_of(const BaseModel& base) const {
  const auto key = Digest::of(signature().version + "\n" + canonical_json(environment_of(base, platform_)));
  return cache_ / key.hex();
}

Result<Struct> ImageEmbed::run(const ports::ServiceCall& call) {
  SLUICE_TRY(base, bases_.find(call.principal.workspace, text_of(call.with, "model", default_base)));
  SLUICE_TRY(pictures, picture_folder(objects_, artifact_of(call.with, "pictures"), "pictures"));
  auto findings = findings_in(pictures);
  if (pictures.pictures.empty()) return Fail(std::move(findings).error(Code::invalid_argument));
  const auto out = call.scratch / "features";
  SLUICE_DO(make_empty_folder(out));
  PictureEmbedding embedding({.objects = objects_,
                              .pictures = pictures.pictures,
                              .base = *base.files.digest,
                              .cache = cache_of(base),
                              .out = out,
                              .cancel = call.cancel,
                              .report = call.report});
  SLUICE_DO(serving::work_on_host(
      hosts_, {.base = base.files}, "image.embed",
      [&](serving::HostLease& host) { return embedding.continue_on(host); }, call.cancel));
  for (const auto& problem : embedding.problems()) findings.add(problem);
  if (!findings.empty()) return Fail(std::move(findings).error(Code::invalid_argument));
  SLUICE_DO(embedding.finish());
  SLUICE_TRY(features, store_folder(objects_, out, "features"));
  Struct made_by;
  made_by.set("base", reference_of(base));
  features.metadata = std::make_shared<const Struct>(std::move(made_by));
  Struct outputs;
  outputs.set("features", std::move(features));
  outputs.set("count", static_cast<std::int64_t>(pictures.pictures.size()));
  return outputs;
}

}  // namespace sluice::ai
