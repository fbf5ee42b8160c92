#include "sluice/domain/ai/image_embed.hpp"

#include <algorithm>

#include "sluice/base/findings.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/ai/arguments.hpp"
#include "sluice/domain/ai/files.hpp"
#include "sluice/domain/ai/picture_folder.hpp"
#include "sluice/domain/serving/hosts.hpp"

namespace sluice::ai {

namespace {

Value list_of(const std::vector<ports::TreeFile>& pictures, const ports::ObjectStore& objects) {
  List list;
  for (const auto& picture : pictures) {
    Struct entry;
    entry.set("path", picture.path);
    entry.set("file", objects.path_of(picture.digest).string());
    entry.set("digest", picture.digest.hex());
    list.emplace_back(std::move(entry));
  }
  return list;
}

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
  const auto list = call.scratch / "pictures.json";
  SLUICE_DO(write_file(list, to_json(list_of(pictures.pictures, objects_))));
  const auto out = call.scratch / "features";
  const auto params = [&]() -> Result<Struct> {
    SLUICE_DO(make_empty_folder(out));
    Struct made;
    made.set("base", base.files.digest->hex());
    made.set("list", list.string());
    made.set("out", out.string());
    made.set("cache", cache_of(base).string());
    return made;
  };
  SLUICE_TRY(reply, serving::call_with_retry(hosts_, {.base = base.files}, "embed_pictures", params,
                                             call.cancel, call.report));

  if (const auto* problems = reply.result.find("problems"); problems && problems->is_list()) {
    for (const auto& problem : *problems->if_list()) findings.add(*problem.if_string());
    const auto unreadable = static_cast<std::size_t>(reply.result.integer_at("unreadable"));
    findings.add_more(unreadable - std::min(unreadable, problems->if_list()->size()));
  }
  if (!findings.empty()) return Fail(std::move(findings).error(Code::invalid_argument));
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
