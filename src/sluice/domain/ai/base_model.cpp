#include "sluice/domain/ai/base_model.hpp"

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

namespace sluice::ai {
namespace {

constexpr std::string_view embedding_tap = "features";

/// Reads the model's description and preprocessing from its repository.
Result<BaseModel> read_base(ports::ModelRepository& repositories, const std::string& workspace,
                            const ports::ModelVersion& version) {
  const std::string where = fmt::format("model `{}` v{}", version.model, version.number);
  const auto refuse = [&](std::string_view why) {
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("{} cannot embed pictures: {}; name a base model such as `{}`", where,
                                       why, default_base)));
  };
  const auto description_text = repositories.read(workspace, version, "model.json");
  if (!description_text) return refuse("it has no model.json");
  SLUICE_TRY(description, parse_json(*description_text, where + ": model.json"));
  const Value* taps = description.find("taps");
  if (taps == nullptr || taps->find(embedding_tap) == nullptr)
    return refuse("its model.json has no tap `features`");
  const auto preprocessing_text =
      repositories.read(workspace, version, description.text_at("preprocessing", "preprocessing.json"));
  if (!preprocessing_text) return refuse("its repository has no preprocessing");
  SLUICE_TRY(preprocessing, parse_json(*preprocessing_text, where + ": preprocessing"));
  SLUICE_TRY(files, repositories.as_artifact(workspace, version));
  return BaseModel{.repository = version.model,
                   .commit = version.commit,
                   .files = std::move(files),
                   .tap = std::string(embedding_tap),
                   .preprocessing = std::move(preprocessing)};
}

}  // namespace

Result<BaseModel> BaseModels::find(const std::string& workspace, const std::string& name) {
  auto version = repositories_.resolve(workspace, name, "");
  if (!version) {
    if (version.error().code != Code::not_found) return Fail(std::move(version).error());
    const auto existing = repositories_.models(workspace, {}).value_or(std::vector<std::string>{});
    return Fail(user_error(
        Code::not_found,
        fmt::format("unknown base model `{}`{}{}", name, did_you_mean(name, existing),
                    existing.empty() ? "; there are no models yet; `sluice up` imports the built-in ones"
                                     : fmt::format("; models: {}", fmt::join(existing, ", ")))));
  }
  const std::string key = workspace + '\n' + name + '\n' + version->commit;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
  }
  SLUICE_TRY(base, read_base(repositories_, workspace, *version));
  const std::scoped_lock lock(mutex_);
  return known_.insert_or_assign(key, std::move(base)).first->second;
}

Value reference_of(const BaseModel& base) {
  Struct out;
  out.set("repository", base.repository);
  out.set("commit", base.commit);
  out.set("digest", base.files.digest->hex());
  out.set("tap", base.tap);
  return out;
}

Value environment_of(const BaseModel& base, const Platform& platform) {
  Struct out;
  out.set("base", reference_of(base));
  out.set("runtime", platform.runtime);
  out.set("instruction_set", platform.instruction_set);
  return out;
}

}  // namespace sluice::ai
