#include "sluice/domain/models/registry.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/models/registry_rules.hpp"
#include "sluice/domain/tracking/rules.hpp"

namespace sluice::models {

using ports::ModelPlace;
using ports::RegisteredModel;
using ports::RegisteredVersion;

namespace {

using Comparator = ports::SearchCondition::Comparator;

ModelPlace place_of(const Principal& by, const std::string& name) {
  return {.workspace = by.workspace, .model = name};
}

/// In the words of MLflow.
template <typename T>
Result<T> known_model(Result<T> found, const std::string& name) {
  if (found || found.error().code != Code::not_found) return found;
  return Fail(user_error(Code::not_found, fmt::format("Registered Model with name={} not found", name)));
}
template <typename T>
Result<T> known_version(Result<T> found, const std::string& name, std::int64_t number) {
  if (found || found.error().code != Code::not_found) return found;
  return Fail(user_error(Code::not_found,
                         fmt::format("Model Version (name={}, version={}) not found", name, number)));
}

/// Takes the conditions about prompts out, unless they ask for prompts.
ports::ModelIndex::Query query_of(ports::Search search) {
  const auto about_prompts = [](const ports::SearchCondition& condition) {
    return condition.field == ports::SearchField::tag && condition.key == prompt_tag;
  };
  const auto first = std::ranges::find_if(search.conditions, about_prompts);
  bool prompts = false;
  if (first != search.conditions.end())
    if (const auto* value = std::get_if<std::string>(&first->operand)) {
      const auto word = lower_ascii(*value);
      prompts = (first->comparator == Comparator::equal && word == "true") ||
                (first->comparator == Comparator::not_equal && word == "false");
    }
  if (!prompts) std::erase_if(search.conditions, about_prompts);
  return {.search = std::move(search), .prompts = prompts};
}

}  // namespace

void Registry::begin_index() {
  begun_ = std::jthread([this](const std::stop_token& stop) {
    if (const auto updated = update_index(stop); !updated) log::warning(updated.error().message);
  });
}

Result<void> Registry::compare_index() const {
  SLUICE_TRY(marks, ports_.index.marks());
  SLUICE_TRY(places, ports_.registry.places());
  for (auto& place : places) {
    SLUICE_TRY(mark, ports_.registry.mark(place));
    const auto known = marks.find(place);
    const bool same = mark && known != marks.end() && known->second == *mark;
    if (known != marks.end()) marks.erase(known);
    if (!same) stale_.insert(std::move(place));
  }
  for (const auto& [place, mark] : marks) SLUICE_DO(ports_.index.remove(place));
  compared_ = true;
  return {};
}

Result<void> Registry::update_index(const std::stop_token& stop) const {
  constexpr std::size_t at_once = 200;
  const std::scoped_lock lock(indexing_);
  if (!compared_) SLUICE_DO(compare_index());
  for (auto& place : ports_.registry.take_changed()) stale_.insert(std::move(place));
  // What cannot be read stays, and is read again for the next search: `sluice fsck` says why it cannot be.
  for (auto next = stale_.begin(); next != stale_.end() && !stop.stop_requested();) {
    std::vector<ports::RegisteredContent> contents;
    std::vector<ModelPlace> done;
    for (; next != stale_.end() && done.size() < at_once; ++next) {
      auto content = ports_.registry.content(*next);
      if (content) {
        contents.push_back(std::move(*content));
      } else if (content.error().code == Code::not_found) {
        SLUICE_DO(ports_.index.remove(*next));
      } else {
        log::warning(content.error().message);
        continue;
      }
      done.push_back(*next);
    }
    SLUICE_DO(ports_.index.put(contents));
    for (const auto& place : done) stale_.erase(place);
  }
  return {};
}

void Registry::tell_removed(const Principal& by, const std::string& name) const {
  if (ports_.removed) ports_.removed(place_of(by, name));
}

Result<RegisteredModel> Registry::create(const Principal& by, const std::string& name,
                                         const std::string& description, std::vector<ports::KeyValue> tags) {
  SLUICE_DO(check_model_name(name));
  for (const auto& tag : tags) SLUICE_DO(check_model_tag(tag));
  const auto prompt = is_prompt(tags);
  auto made = ports_.registry.create_model({.principal = by,
                                            .name = name,
                                            .description = description,
                                            .tags = std::move(tags),
                                            .at = ports_.clock.now()});
  if (made || made.error().code != Code::already_exists) return made;
  const auto existing = ports_.registry.registered_model(place_of(by, name));
  const bool was_prompt = existing && std::ranges::find(existing->tags, prompt_tag, &ports::KeyValue::key) !=
                                          existing->tags.end();
  if (was_prompt == prompt)
    return Fail(user_error(Code::already_exists, fmt::format("{} (name={}) already exists.",
                                                             prompt ? "Prompt" : "Registered Model", name)));
  return Fail(user_error(
      Code::already_exists,
      fmt::format("Tried to create a {} with name {}, but the name is already taken by a {}. MLflow does not "
                  "allow creating a model and a prompt with the same name.",
                  prompt ? "prompt" : "registered model", tracking::python_text(name),
                  was_prompt ? "prompt" : "registered model")));
}

Result<RegisteredModel> Registry::model(const Principal& by, const std::string& name) const {
  SLUICE_DO(check_model_name(name));
  return known_model(ports_.registry.registered_model(place_of(by, name)), name);
}

Result<RegisteredModel> Registry::describe(const Principal& by, const std::string& name,
                                           const std::string& description) {
  SLUICE_DO(check_model_name(name));
  return known_model(
      ports_.registry.change_model(place_of(by, name), {.description = description}, by, ports_.clock.now()),
      name);
}

Result<RegisteredModel> Registry::rename(const Principal& by, const std::string& name,
                                         const std::string& new_name) {
  SLUICE_DO(check_model_name(new_name, "new_name"));
  SLUICE_DO(check_model_name(name));
  auto renamed =
      known_model(ports_.registry.rename_model(place_of(by, name), new_name, by, ports_.clock.now()), name);
  if (!renamed && renamed.error().code == Code::already_exists)
    return Fail(user_error(Code::already_exists,
                           fmt::format("Registered Model (name={}) already exists.", new_name)));
  if (renamed) tell_removed(by, name);
  return renamed;
}

Result<void> Registry::remove(const Principal& by, const std::string& name) {
  SLUICE_DO(check_model_name(name));
  SLUICE_DO(known_model(ports_.registry.remove_model(place_of(by, name), by, ports_.clock.now()), name));
  tell_removed(by, name);
  return {};
}

Result<void> Registry::set_tag(const Principal& by, const std::string& name, const ports::KeyValue& tag) {
  SLUICE_DO(check_model_name(name));
  SLUICE_DO(check_model_tag(tag));
  SLUICE_DO(known_model(
      ports_.registry.change_model(place_of(by, name), {.tag = tag}, by, ports_.clock.now()), name));
  return {};
}

Result<void> Registry::remove_tag(const Principal& by, const std::string& name, const std::string& key) {
  SLUICE_DO(check_model_name(name));
  SLUICE_DO(tracking::check_key(key, "key"));
  SLUICE_DO(known_model(
      ports_.registry.change_model(place_of(by, name), {.removed_tag = key}, by, ports_.clock.now()), name));
  return {};
}

Result<void> Registry::set_alias(const Principal& by, const std::string& name, const std::string& alias,
                                 const std::string& version) {
  SLUICE_DO(check_model_name(name));
  SLUICE_DO(check_alias(alias));
  SLUICE_DO(check_alias_is_free(alias));
  SLUICE_TRY(number, version_number(version));
  SLUICE_DO(known_version(
      ports_.registry.change_model(place_of(by, name), {.alias = {{alias, number}}}, by, ports_.clock.now()),
      name, number));
  return {};
}

Result<void> Registry::remove_alias(const Principal& by, const std::string& name, const std::string& alias) {
  SLUICE_DO(check_model_name(name));
  SLUICE_DO(check_alias(alias));
  SLUICE_DO(known_model(
      ports_.registry.change_model(place_of(by, name), {.removed_alias = alias}, by, ports_.clock.now()),
      name));
  return {};
}

Result<RegisteredVersion> Registry::version_of_alias(const Principal& by, const std::string& name,
                                                     const std::string& alias) const {
  SLUICE_DO(check_model_name(name));
  SLUICE_DO(check_alias(alias));
  if (lower_ascii(alias) == "latest") {
    SLUICE_TRY(versions, newest(by, name, {}));
    if (versions.empty())
      return Fail(user_error(Code::not_found, fmt::format("Latest version not found for model {}.", name)));
    return std::ranges::max(versions, {}, &RegisteredVersion::number);
  }
  SLUICE_TRY(found, known_model(ports_.registry.version_of_alias(place_of(by, name), alias), name));
  if (found) return std::move(*found);
  return Fail(user_error(Code::invalid_argument, fmt::format("Registered model alias {} not found.", alias)));
}

Result<std::vector<RegisteredVersion>> Registry::newest(const Principal& by, const std::string& name,
                                                        const std::vector<std::string>& stages) const {
  SLUICE_TRY(found, model(by, name));
  std::vector<std::string> wanted;
  for (const auto& stage : stages) {
    SLUICE_TRY(checked, checked_stage(stage));
    wanted.push_back(std::move(checked));
  }
  std::vector<RegisteredVersion> out;
  for (auto& version : found.newest) {
    if (!wanted.empty() && std::ranges::find(wanted, version.stage) == wanted.end()) continue;
    for (const auto& [alias, number] : found.aliases)
      if (number == version.number) version.aliases.push_back(alias);
    out.push_back(std::move(version));
  }
  return out;
}

Result<RegisteredVersion> Registry::version(const Principal& by, const std::string& name,
                                            const std::string& version) const {
  SLUICE_DO(check_model_name(name));
  SLUICE_TRY(number, version_number(version));
  return known_version(ports_.registry.registered_version(place_of(by, name), number), name, number);
}

Result<RegisteredVersion> Registry::describe_version(const Principal& by, const std::string& name,
                                                     const std::string& version,
                                                     const std::string& description) {
  SLUICE_DO(check_model_name(name));
  SLUICE_TRY(number, version_number(version));
  return known_version(ports_.registry.change_version(place_of(by, name), number,
                                                      {.description = description}, by, ports_.clock.now()),
                       name, number);
}

Result<RegisteredVersion> Registry::set_stage(const Principal& by, const std::string& name,
                                              const std::string& version, const std::string& stage,
                                              bool archive_others) {
  SLUICE_TRY(checked, checked_stage(stage));
  if (archive_others && checked != "Staging" && checked != "Production")
    return Fail(Error(Code::internal,
                      fmt::format("Model version transition cannot archive existing model versions because "
                                  "'{}' is not an Active stage. Valid stages are ['Staging', 'Production']",
                                  stage),
                      Blame::user));
  SLUICE_DO(check_model_name(name));
  SLUICE_TRY(number, version_number(version));
  ports::RegisteredVersionChange change{.stage = std::move(checked)};
  if (archive_others) change.stage_of_others = "Archived";
  return known_version(
      ports_.registry.change_version(place_of(by, name), number, change, by, ports_.clock.now()), name,
      number);
}

Result<void> Registry::remove_version(const Principal& by, const std::string& name,
                                      const std::string& version) {
  SLUICE_DO(check_model_name(name));
  SLUICE_TRY(number, version_number(version));
  SLUICE_DO(known_version(ports_.registry.remove_version(place_of(by, name), number, by, ports_.clock.now()),
                          name, number));
  tell_removed(by, name);
  return {};
}

Result<void> Registry::set_version_tag(const Principal& by, const std::string& name,
                                       const std::string& version, const ports::KeyValue& tag) {
  SLUICE_DO(check_model_name(name));
  SLUICE_TRY(number, version_number(version));
  SLUICE_DO(check_version_tag(tag));
  SLUICE_DO(known_version(
      ports_.registry.change_version(place_of(by, name), number, {.tag = tag}, by, ports_.clock.now()), name,
      number));
  return {};
}

Result<void> Registry::remove_version_tag(const Principal& by, const std::string& name,
                                          const std::string& version, const std::string& key) {
  SLUICE_DO(check_model_name(name));
  SLUICE_TRY(number, version_number(version));
  SLUICE_DO(tracking::check_key(key, "key"));
  SLUICE_DO(known_version(ports_.registry.change_version(place_of(by, name), number, {.removed_tag = key}, by,
                                                         ports_.clock.now()),
                          name, number));
  return {};
}

Result<std::vector<RegisteredModel>> Registry::search(const Principal& by, ports::Search search) const {
  SLUICE_DO(update_index());
  return ports_.index.models(by.workspace, query_of(std::move(search)));
}

Result<std::vector<RegisteredVersion>> Registry::search_versions(const Principal& by,
                                                                 ports::Search search) const {
  SLUICE_DO(update_index());
  return ports_.index.versions(by.workspace, query_of(std::move(search)));
}

}  // namespace sluice::models
