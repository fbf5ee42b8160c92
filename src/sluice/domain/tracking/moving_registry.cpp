#include "sluice/domain/tracking/moving_registry.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace sluice::tracking {
namespace {

using ports::KeyValue;
using ports::Lack;
using ports::RegisteredContent;
using ports::RegisteredVersion;

/// What `wanted` has and `stored` does not, or has with another value.
std::vector<KeyValue> missing_tags(const std::vector<KeyValue>& wanted, const std::vector<KeyValue>& stored) {
  std::vector<KeyValue> missing;
  for (const auto& tag : wanted)
    if (std::ranges::find(stored, tag) == stored.end()) missing.push_back(tag);
  return missing;
}

/// Whether it is the version of that number, and not another one that was made here.
bool is_same(const RegisteredVersion& a, const RegisteredVersion& b) {
  return a.created == b.created && a.source == b.source;
}

}  // namespace

/// What the registry lacks of a model.
struct KeptRegistryTarget::Missing {
  bool model = false;
  bool description = false;
  std::vector<KeyValue> tags;
  std::vector<std::pair<std::string, std::int64_t>> aliases;
  std::set<std::int64_t> versions;
  std::set<std::int64_t> others;  ///< there is another version of that number
  /// Of versions that are there.
  std::set<std::int64_t> descriptions;
  std::set<std::int64_t> stages;
  std::map<std::int64_t, std::vector<KeyValue>> version_tags;

  [[nodiscard]] Lack lack() const {
    Lack lack{.all = model,
              .fields = description || !descriptions.empty() || !stages.empty(),
              .tags = static_cast<std::int64_t>(tags.size()),
              .versions = static_cast<std::int64_t>(versions.size()),
              .aliases = static_cast<std::int64_t>(aliases.size())};
    for (const auto& [number, missing] : version_tags) lack.tags += static_cast<std::int64_t>(missing.size());
    return lack;
  }
};

Principal KeptRegistryTarget::made_by(const std::string& user) const {
  return user.empty() ? principal_ : Principal{.workspace = principal_.workspace, .name = user};
}

Result<KeptRegistryTarget::Missing> KeptRegistryTarget::missing_of(const RegisteredContent& wanted) const {
  Missing missing;
  auto found = registry_.content({.workspace = principal_.workspace, .model = wanted.model.name});
  if (!found && found.error().code != Code::not_found) return Fail(std::move(found).error());
  missing.model = !found;
  const auto stored = found ? std::move(*found) : RegisteredContent{};
  missing.description = stored.model.description != wanted.model.description;
  missing.tags = missing_tags(wanted.model.tags, stored.model.tags);
  for (const auto& version : wanted.versions) {
    const auto number = version.number;
    const auto there = std::ranges::find(stored.versions, number, &RegisteredVersion::number);
    if (there == stored.versions.end()) {
      missing.versions.insert(number);
    } else if (!is_same(version, *there)) {
      missing.others.insert(number);
    } else {
      if (there->description != version.description) missing.descriptions.insert(number);
      if (there->stage != version.stage) missing.stages.insert(number);
      if (auto tags = missing_tags(version.tags, there->tags); !tags.empty())
        missing.version_tags.emplace(number, std::move(tags));
    }
  }
  for (const auto& [alias, number] : wanted.model.aliases) {
    const auto there = stored.model.aliases.find(alias);
    const bool can_be =
        std::ranges::find(wanted.versions, number, &RegisteredVersion::number) != wanted.versions.end() &&
        !missing.others.contains(number) && !refused_.contains({wanted.model.name, number});
    if (can_be && (there == stored.model.aliases.end() || there->second != number))
      missing.aliases.emplace_back(alias, number);
  }
  return missing;
}

Result<void> KeptRegistryTarget::put_version(const RegisteredVersion& version,
                                             const ports::VersionFiles& files) {
  const auto by = made_by(version.user);
  SLUICE_DO(registry_.register_version({.principal = by,
                                        .model = version.model,
                                        .files = files.files,
                                        .description = version.description,
                                        .source = version.source,
                                        .storage = files.files.empty() ? files.storage : "",
                                        .run = version.run,
                                        .run_link = version.run_link,
                                        .logged_model = version.logged_model,
                                        .tags = version.tags,
                                        .at = version.created,
                                        .number = version.number}));
  const bool has_stage = version.stage != ports::no_stage;
  if (version.updated <= version.created && !has_stage) return {};
  ports::RegisteredVersionChange change{.description = version.description};
  if (has_stage) change.stage = version.stage;
  SLUICE_DO(registry_.change_version({.workspace = by.workspace, .model = version.model}, version.number,
                                     change, by, version.updated));
  return {};
}

Result<void> KeptRegistryTarget::put_changes(const ports::ModelPlace& place, const RegisteredVersion& version,
                                             const Missing& missing) {
  const auto number = version.number;
  ports::RegisteredVersionChange change;
  if (missing.descriptions.contains(number)) change.description = version.description;
  if (missing.stages.contains(number)) change.stage = version.stage;
  if (change.description || change.stage)
    SLUICE_DO(registry_.change_version(place, number, change, principal_, version.updated));
  if (const auto tags = missing.version_tags.find(number); tags != missing.version_tags.end())
    for (const auto& tag : tags->second)
      SLUICE_DO(registry_.change_version(place, number, {.tag = tag}, principal_, version.updated));
  return {};
}

Result<Lack> KeptRegistryTarget::put(
    const RegisteredContent& content,
    const std::function<Result<ports::VersionFiles>(const RegisteredVersion&)>& files,
    const std::function<void(ports::Unmoved)>& unmoved) {
  const auto& model = content.model;
  const ports::ModelPlace place{.workspace = principal_.workspace, .model = model.name};
  SLUICE_TRY(missing, missing_of(content));
  auto lack = missing.lack();
  if (missing.model) {
    SLUICE_DO(registry_.create_model({.principal = made_by(model.user),
                                      .name = model.name,
                                      .description = model.description,
                                      .tags = model.tags,
                                      .at = model.created}));
  } else {
    if (missing.description)
      SLUICE_DO(registry_.change_model(place, {.description = model.description}, principal_, model.updated));
    for (const auto& tag : missing.tags)
      SLUICE_DO(registry_.change_model(place, {.tag = tag}, principal_, model.updated));
  }
  auto versions = content.versions;
  std::ranges::sort(versions, {}, &RegisteredVersion::number);
  const auto refuse = [&](const RegisteredVersion& version, std::string why) {
    refused_.emplace(model.name, version.number);
    unmoved(
        {.what = fmt::format("version {} of model {}", version.number, model.name), .why = std::move(why)});
  };
  for (const auto& version : versions) {
    if (missing.others.contains(version.number)) {
      refuse(version, "there is another version of this number");
    } else if (missing.versions.contains(version.number)) {
      SLUICE_TRY(content_of, files(version));
      auto put = put_version(version, content_of);
      if (put) continue;
      if (put.error().blame != Blame::user) return Fail(std::move(put).error());
      --lack.versions;
      refuse(version, put.error().message);
    } else {
      SLUICE_DO(put_changes(place, version, missing));
    }
  }
  for (const auto& alias : missing.aliases)
    if (!refused_.contains({model.name, alias.second}))
      SLUICE_DO(registry_.change_model(place, {.alias = alias}, principal_, model.updated));
  // What came moved it; this is when it was changed last.
  if (!lack.any()) return lack;
  SLUICE_TRY(now, registry_.registered_model(place));
  if (now.updated < model.updated)
    SLUICE_DO(registry_.change_model(place, {.description = model.description}, principal_, model.updated));
  return lack;
}

Result<Lack> KeptRegistryTarget::lack_of(const RegisteredContent& model) {
  SLUICE_TRY(missing, missing_of(model));
  for (const auto& [name, number] : refused_)
    if (name == model.model.name) missing.versions.erase(number);
  return missing.lack();
}

}  // namespace sluice::tracking
