#include "sluice/domain/ai/image_embed.hpp"

#include "sluice/domain/ai/arguments.hpp"
#include "sluice/domain/ai/files.hpp"
#include "sluice/domain/serving/hosts.hpp"

namespace sluice::ai {

const ir::Signature& ImageEmbed::declared() {
  using Kind = ir::Type::Kind;
  static const ir::Signature signature{
      .name = "image.embed",
      .version = "1.0.0",
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

Result<Struct> ImageEmbed::run(const ports::ServiceCall& call) {
  SLUICE_TRY(base, bases_.find(call.principal.workspace, text_of(call.with, "model", default_base)));
  SLUICE_TRY(pictures, materialize_folder(objects_, artifact_of(call.with, "pictures"), "pictures"));
  const auto out = call.scratch / "features";
  const auto params = [&]() -> Result<Struct> {
    SLUICE_DO(make_empty_folder(out));
    Struct made;
    made.set("base", base.files.digest->hex());
    made.set("pictures", pictures.string());
    made.set("out", out.string());
    return made;
  };
  SLUICE_TRY(reply, serving::call_with_retry(hosts_, {.base = base.files}, "embed_folder", params,
                                             call.cancel, call.report));

  SLUICE_TRY(features, store_folder(objects_, out, "features"));
  Struct made_by;
  made_by.set("base", reference_of(base));
  features.metadata = std::make_shared<const Struct>(std::move(made_by));
  Struct outputs;
  outputs.set("features", std::move(features));
  outputs.set("count", reply.result.integer_at("pictures"));
  return outputs;
}

}  // namespace sluice::ai
