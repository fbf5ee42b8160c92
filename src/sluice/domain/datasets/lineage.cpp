#include "sluice/domain/datasets/lineage.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"

namespace sluice::datasets {

const std::string* Lineage::in_artifact(const Artifact& artifact) {
  if (!artifact.digest) return nullptr;
  const auto [known, is_new] = artifacts_.try_emplace(artifact.digest->hex());
  auto& [holds, path] = known->second;
  if (is_new) {
    holds = *artifact.digest == example_;
    if (!holds && artifact.form == Form::directory)
      if (const auto listing = objects_.list(artifact)) {
        const auto file = std::ranges::find(listing->files, example_, &ports::TreeFile::digest);
        holds = file != listing->files.end();
        if (holds) path = file->path;
      }
  }
  return holds ? &path : nullptr;
}

const Lineage::Seen& Lineage::in_run(const std::string& run) {
  const auto [known, is_new] = runs_.try_emplace(run);
  if (!is_new) return known->second;
  const auto facts = facts_.facts(RunId{run});
  const auto* tagged = facts ? facts->find("inputs") : nullptr;
  if (tagged == nullptr) return known->second;
  const auto inputs = from_tagged(*tagged);
  if (!inputs) return known->second;
  for (const auto& [name, artifact] : models::artifacts_in(*inputs))
    if (const auto* path = in_artifact(artifact)) {
      known->second = {.is_there = true, .input = name, .path = *path};
      break;
    }
  return known->second;
}

Result<std::vector<Descendant>> Lineage::of_model(const std::string& workspace, const std::string& model) {
  std::vector<Descendant> out;
  SLUICE_TRY(versions, models_.versions(workspace, model, {.limit = versions_max}));
  for (const auto& version : versions.page) {
    if (version.run.empty()) continue;
    if (const auto& seen = in_run(version.run); seen.is_there)
      out.push_back({.model = model,
                     .version = version.number,
                     .run = version.run,
                     .input = seen.input,
                     .path = seen.path});
  }
  return out;
}

}  // namespace sluice::datasets
