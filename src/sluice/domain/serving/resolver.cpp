#include "sluice/domain/serving/resolver.hpp"

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::serving {
namespace {

constexpr std::size_t known_max = 4096;

Fail cannot_serve(const std::string& where, const std::string& why) {
  return Fail(user_error(Code::failed_precondition, where + " cannot be served: " + why));
}

std::string name_of(const ports::ModelVersion& version) {
  return "model `" + version.model + "` v" + std::to_string(version.number);
}

std::optional<std::int64_t> number_of(std::string_view reference) {
  if (reference.starts_with('v')) reference.remove_prefix(1);
  return parse_integer<std::int64_t>(reference);
}

}  // namespace

std::shared_ptr<const Resolved> Resolver::known(const std::string& workspace, const std::string& model,
                                                std::int64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find({workspace, model, number});
  return found == known_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<const Resolved>> Resolver::resolve(const std::string& workspace,
                                                          const std::string& model,
                                                          const std::string& reference) {
  if (const auto number = number_of(reference))
    if (auto found = known(workspace, model, *number)) return found;
  SLUICE_TRY(version, models_.resolve(workspace, model, reference));
  if (auto found = known(workspace, model, version.number)) return found;
  SLUICE_TRY(resolved, read(workspace, std::move(version)));
  auto kept = std::make_shared<const Resolved>(std::move(resolved));
  const std::lock_guard lock(mutex_);
  if (known_.size() >= known_max) known_.clear();
  known_[{workspace, model, kept->version.number}] = kept;
  return kept;
}

void Resolver::forget(const std::string& workspace, const std::string& model) {
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [&](const auto& entry) {
    return entry.first.workspace == workspace && entry.first.model == model;
  });
}

Result<Resolved> Resolver::read(const std::string& workspace, ports::ModelVersion version) {
  const std::string where = name_of(version);
  const auto text = models_.read(workspace, version, "model.json");
  if (!text && text.error().code == Code::not_found) return cannot_serve(where, "it has no model.json");
  if (!text) return Fail(text.error());
  SLUICE_TRY(description, parse_json(*text, where + ": model.json"));
  const auto* base = description.find("base");
  const auto* classes = description.find("classes");
  if (!base || !base->is_struct() || !classes || !classes->is_list())
    return cannot_serve(
        where,
        "its model.json names no base and classes, so it is not a head; `sluice models` lists all models");
  Resolved resolved;
  for (const auto& entry : *classes->if_list()) {
    const auto* name = entry.if_string();
    if (!name) return cannot_serve(where, "a class in its model.json is not a string");
    resolved.classes.push_back(*name);
  }
  SLUICE_TRY(base_files, find_base(workspace, *base, where));
  SLUICE_TRY(head_files, models_.as_artifact(workspace, version));
  resolved.base = std::move(base_files);
  resolved.head = std::move(head_files);
  resolved.version = std::move(version);
  return resolved;
}

Result<Artifact> Resolver::find_base(const std::string& workspace, const Value& reference,
                                     const std::string& where) {
  const std::string repository = reference.text_at("repository");
  const std::string commit = reference.text_at("commit");
  const std::string digest = reference.text_at("digest");
  auto found = models_.find_commit(workspace, repository, commit);
  if (!found && found.error().code != Code::not_found) return Fail(std::move(found).error());
  if (!found || !*found)
    return cannot_serve(where, "its base `" + repository + "` at commit " + commit.substr(0, 12) +
                                   " is not in this data folder; push or copy that repository here");
  const auto& base = **found;
  SLUICE_TRY(files, models_.as_artifact(workspace, base));
  if (!files.digest || files.digest->hex() != digest)
    return cannot_serve(where, "it was trained on a base with the digest " + digest.substr(0, 12) +
                                   ", but `" + repository + "` v" + std::to_string(base.number) + " has " +
                                   (files.digest ? files.digest->brief() : std::string("none")) +
                                   "; train the head again");
  return files;
}

}  // namespace sluice::serving
