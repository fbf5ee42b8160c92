#include "sluice/stores/git/git_model_registry.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>

#include <fmt/format.h>
#include <sys/stat.h>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/content.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/git/model_repositories.hpp"
#include "sluice/stores/git/names.hpp"
#include "sluice/stores/git/new_repository.hpp"
#include "sluice/stores/git/registry.hpp"
#include "sluice/stores/git/removed_models.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;
using git::Registry;
using ports::ModelPlace;
using ports::RegisteredModel;
using ports::RegisteredVersion;

namespace {

Error no_model(const ModelPlace& place) {
  return user_error(Code::not_found, "there is no model `" + git::subject_of(place.model) +
                                         "` in workspace `" + place.workspace + "`");
}

Error no_version(const ModelPlace& place, std::int64_t number) {
  return user_error(Code::not_found,
                    fmt::format("model `{}` has no version `v{}`", git::subject_of(place.model), number));
}

std::vector<ports::KeyValue> pairs_of(const git::Tags& tags) {
  std::vector<ports::KeyValue> out;
  out.reserve(tags.size());
  for (const auto& [key, value] : tags) out.push_back({.key = key, .value = value});
  return out;
}

git::Tags tags_of(const std::vector<ports::KeyValue>& pairs) {
  git::Tags out;
  for (const auto& pair : pairs) out.insert_or_assign(pair.key, pair.value);
  return out;
}

bool has(const Registry& registry, std::int64_t number) {
  const auto numbers = registry.numbers();
  return std::ranges::find(numbers, number) != numbers.end();
}

/// The text of a card below its front matter.
std::string without_front_matter(std::string text) {
  constexpr std::string_view fence = "---\n";
  if (!text.starts_with(fence)) return text;
  const auto end = text.find("\n---\n", fence.size() - 1);
  if (end == std::string::npos) return text;
  const auto begin = text.find_first_not_of('\n', end + 1 + fence.size());
  return begin == std::string::npos ? std::string() : text.substr(begin);
}

/// The file of that name at the top of a version; "" if there is none.
Result<std::string> text_of(const Registry& registry, const std::vector<git::TreeEntry>& root,
                            std::string_view name) {
  const auto file = git::named(root, name);
  if (file.empty()) return std::string();
  return registry.objects().read(file, git::Objects::Kind::blob);
}

/// Says what a version that a job made says of itself: its card is its description, and each number in its
/// metrics a tag.
Result<void> add_what_a_job_wrote(const Registry& registry, const git::VersionTag& tag,
                                  RegisteredVersion& version) {
  SLUICE_TRY(tree, registry.tree(tag));
  SLUICE_TRY(root, registry.objects().tree(tree));
  SLUICE_TRY(card, text_of(registry, root, "README.md"));
  if (!card.empty()) version.description = without_front_matter(std::move(card));
  SLUICE_TRY(metrics, text_of(registry, root, "metrics.json"));
  const auto json = parse_json(metrics, "metrics.json");
  if (!json || !json->is_struct()) return {};
  for (const auto& [name, value] : *json->if_struct()) {
    const auto key = "metrics." + name;
    if (value.as_double() &&
        std::ranges::find(version.tags, key, &ports::KeyValue::key) == version.tags.end())
      version.tags.push_back({.key = key, .value = to_json(value)});
  }
  std::ranges::sort(version.tags, {}, &ports::KeyValue::key);
  return {};
}

Result<RegisteredVersion> describe(const Registry& registry, const std::string& model, std::int64_t number,
                                   const git::ModelMeta& of) {
  SLUICE_TRY(tag, registry.version(number));
  SLUICE_TRY(meta, registry.version_meta(number));
  const auto& record = tag->record;
  RegisteredVersion out{.model = model,
                        .number = number,
                        .commit = tag->commit,
                        .created = record.created,
                        .updated = std::max({record.created, meta.updated, of.renamed}),
                        .user = record.user,
                        .description = meta.description.value_or(record.description),
                        .source = record.source,
                        .storage = record.storage,
                        .run = record.run_id,
                        .run_link = record.run_link,
                        .logged_model = record.model_id,
                        .tags = pairs_of(meta.tags.value_or(record.tags)),
                        .aliases = {}};
  if (!meta.stage.empty()) out.stage = meta.stage;
  if (!record.key.empty()) {
    SLUICE_DO(add_what_a_job_wrote(registry, *tag, out));
    if (meta.description) out.description = *meta.description;
  }
  return out;
}

Result<RegisteredVersion> describe(const Registry& registry, const std::string& model, std::int64_t number) {
  SLUICE_TRY(meta, registry.model_meta());
  SLUICE_TRY(out, describe(registry, model, number, meta));
  SLUICE_TRY(aliases, registry.aliases());
  for (const auto& [name, named] : aliases)
    if (named == number) out.aliases.push_back(name);
  return out;
}

Result<RegisteredModel> describe(const Registry& registry, const std::string& name) {
  SLUICE_TRY(meta, registry.model_meta());
  SLUICE_TRY(aliases, registry.aliases());
  RegisteredModel out{.name = name,
                      .created = meta.created,
                      .updated = meta.updated,
                      .user = meta.user,
                      .description = meta.description,
                      .tags = pairs_of(meta.tags),
                      .aliases = std::move(aliases),
                      .newest = {}};
  const auto numbers = registry.numbers();
  std::vector<std::string> seen;
  for (const auto number : numbers) {
    SLUICE_TRY(version, registry.version_meta(number));
    if (std::ranges::find(seen, version.stage) != seen.end()) continue;
    SLUICE_TRY(newest, describe(registry, name, number, meta));
    out.newest.push_back(std::move(newest));
    seen.push_back(std::move(version.stage));
  }
  std::ranges::reverse(out.newest);
  // Of a repository that another program made.
  if (meta.created == Time{} && !numbers.empty()) {
    SLUICE_TRY(first, registry.version(numbers.back()));
    out.created = first->record.created;
  }
  if (meta.updated == Time{} && !numbers.empty()) {
    SLUICE_TRY(last, registry.version(numbers.front()));
    out.updated = std::max(out.created, last->record.created);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<GitModelRegistry>> GitModelRegistry::open(GitModelRepository& repositories,
                                                                 ports::ObjectStore& store) {
  const auto& models = repositories.folder();
  SLUICE_TRY(workspaces, os::list_directory(models));
  for (const auto& workspace : workspaces)
    if (workspace.kind == os::DirectoryEntry::Kind::directory)
      SLUICE_DO(git::finish_renames(models / workspace.name, repositories.tags()));
  auto made = std::unique_ptr<GitModelRegistry>(new GitModelRegistry(repositories, store));
  repositories.when_changed([registry = made.get()](const ModelPlace& place) { registry->note(place); });
  return made;
}

fs::path GitModelRegistry::path_of(const ModelPlace& place) const {
  return repositories_.path_of(place.workspace, place.model);
}

void GitModelRegistry::note(const ModelPlace& place) {
  const std::scoped_lock lock(changing_);
  changed_.insert(place);
}

std::vector<ModelPlace> GitModelRegistry::take_changed() {
  const std::scoped_lock lock(changing_);
  std::vector<ModelPlace> out(changed_.begin(), changed_.end());
  changed_.clear();
  return out;
}

Result<Registry> GitModelRegistry::read(const ModelPlace& place) const {
  const auto path = path_of(place);
  if (place.model.empty() || !os::exists(path)) return Fail(no_model(place));
  return Registry::open(path, repositories_.tags());
}

template <typename Work>
Result<Registry> GitModelRegistry::change(const ModelPlace& place, const Principal& by, Time at, Work work) {
  const auto path = path_of(place);
  if (place.model.empty()) return Fail(no_model(place));
  bool changed = false;
  const auto locked = [&]() -> Result<Registry> {
    SLUICE_TRY(lock, git::RepositoryLock::acquire(path));
    if (!lock) return Fail(no_model(place));
    SLUICE_TRY(registry, Registry::open(path, repositories_.tags()));
    const Registry::By who{.principal = by, .at = at};
    SLUICE_TRY(worked, work(registry, who));
    changed = worked;
    if (changed) {
      SLUICE_DO(registry.commit(who));
      note(place);
    }
    return registry;
  };
  SLUICE_TRY(registry, locked());
  if (changed) repositories_.keep_packs_few(path);
  return registry;
}

Result<RegisteredModel> GitModelRegistry::create_model(const ports::NewRegisteredModel& model) {
  const ModelPlace place{.workspace = model.principal.workspace, .model = model.name};
  const auto path = path_of(place);
  const auto taken = [&] {
    return user_error(Code::already_exists, "there is a model `" + git::subject_of(model.name) + "` already");
  };
  if (os::exists(path)) return Fail(taken());
  const Registry::By by{.principal = model.principal, .at = model.at};
  RegisteredModel made;
  SLUICE_TRY(moved, git::make_repository(path, repositories_.objects_folder(), repositories_.tags(),
                                         [&](Registry& registry) -> Result<void> {
                                           registry.create_model(model.name, by, model.description,
                                                                 tags_of(model.tags));
                                           SLUICE_DO(registry.commit(by));
                                           SLUICE_TRY(described, describe(registry, model.name));
                                           made = std::move(described);
                                           return {};
                                         }));
  if (!moved) return Fail(taken());
  note(place);
  return made;
}

Result<RegisteredModel> GitModelRegistry::registered_model(const ModelPlace& place) const {
  SLUICE_TRY(registry, read(place));
  return describe(registry, place.model);
}

Result<RegisteredModel> GitModelRegistry::change_model(const ModelPlace& place,
                                                       const ports::RegisteredModelChange& change,
                                                       const Principal& by, Time at) {
  SLUICE_TRY(registry,
             this->change(place, by, at, [&](Registry& open, const Registry::By& who) -> Result<bool> {
               bool changed = false;
               if (change.description) {
                 open.describe_model(*change.description, who);
                 changed = true;
               }
               SLUICE_TRY(meta, open.model_meta());
               if (const auto& tag = change.tag) {
                 const auto found = meta.tags.find(tag->key);
                 if (found == meta.tags.end() || found->second != tag->value) {
                   SLUICE_DO(open.tag_model(tag->key, tag->value, who));
                   changed = true;
                 }
               }
               if (change.removed_tag && meta.tags.contains(*change.removed_tag)) {
                 SLUICE_DO(open.tag_model(*change.removed_tag, std::nullopt, who));
                 changed = true;
               }
               if (change.alias) {
                 const auto& [name, number] = *change.alias;
                 if (!has(open, number)) return Fail(no_version(place, number));
                 if (open.alias(name) != number) {
                   SLUICE_DO(open.set_alias(name, number, who));
                   changed = true;
                 }
               }
               if (change.removed_alias && open.alias(*change.removed_alias)) {
                 open.remove_alias(*change.removed_alias, who);
                 changed = true;
               }
               return changed;
             }));
  return describe(registry, place.model);
}

Result<RegisteredModel> GitModelRegistry::rename_model(const ModelPlace& place, const std::string& name,
                                                       const Principal& by, Time at) {
  const auto path = path_of(place);
  const ModelPlace to{.workspace = place.workspace, .model = name};
  const auto taken = [&] {
    return user_error(Code::already_exists, "there is a model `" + git::subject_of(name) + "` already");
  };
  SLUICE_TRY(lock, git::RepositoryLock::acquire(path));
  if (!lock) return Fail(no_model(place));
  if (name != place.model && os::exists(path_of(to))) return Fail(taken());
  SLUICE_TRY(registry, Registry::open(path, repositories_.tags()));
  SLUICE_TRY(moved, git::rename_repository(registry, path, path_of(to), name, {.principal = by, .at = at}));
  note(place);
  if (!moved) return Fail(taken());
  note(to);
  SLUICE_TRY(renamed, read(to));
  return describe(renamed, name);
}

Result<void> GitModelRegistry::remove_model(const ModelPlace& place, const Principal& /*by*/, Time at) {
  const auto path = path_of(place);
  SLUICE_TRY(lock, git::RepositoryLock::acquire(path));
  if (!lock) return Fail(no_model(place));
  SLUICE_DO(git::move_to_trash(path, at));
  note(place);
  return {};
}

Result<RegisteredVersion> GitModelRegistry::register_version(const ports::NewRegisteredVersion& version) {
  const ModelPlace place{.workspace = version.principal.workspace, .model = version.model};
  git::Content content;
  if (version.copy_of) {
    const auto& [model, number] = *version.copy_of;
    SLUICE_TRY(from, read({.workspace = place.workspace, .model = model}));
    if (!has(from, number)) return Fail(no_version({.workspace = place.workspace, .model = model}, number));
    SLUICE_TRY(tag, from.version(number));
    SLUICE_TRY(root, from.tree(*tag));
    SLUICE_TRY(copied, git::content_of(from.objects(), root));
    content = std::move(copied);
  } else {
    SLUICE_TRY(stored, git::stored_content(version.files, store_));
    content = std::move(stored);
  }
  SLUICE_DO(store_.make_durable(content.objects));
  std::int64_t number = 0;
  SLUICE_TRY(registry, change(place, version.principal, version.at,
                              [&](Registry& open, const Registry::By& who) -> Result<bool> {
                                SLUICE_TRY(tree, git::write_tree(open.objects(), content.files));
                                SLUICE_TRY(added, open.add_version(version.model, tree,
                                                                   {.created = version.at,
                                                                    .user = version.principal.name,
                                                                    .source = version.source,
                                                                    .run_id = version.run,
                                                                    .description = version.description,
                                                                    .key = {},
                                                                    .storage = version.storage,
                                                                    .run_link = version.run_link,
                                                                    .model_id = version.logged_model,
                                                                    .tags = tags_of(version.tags)},
                                                                   who, version.number));
                                number = added;
                                return true;
                              }));
  return describe(registry, place.model, number);
}

Result<RegisteredVersion> GitModelRegistry::registered_version(const ModelPlace& place,
                                                               std::int64_t number) const {
  SLUICE_TRY(registry, read(place));
  if (!has(registry, number)) return Fail(no_version(place, number));
  return describe(registry, place.model, number);
}

Result<std::optional<RegisteredVersion>> GitModelRegistry::version_of_alias(const ModelPlace& place,
                                                                            const std::string& alias) const {
  SLUICE_TRY(registry, read(place));
  const auto number = registry.alias(alias);
  if (!number) return std::nullopt;
  SLUICE_TRY(version, describe(registry, place.model, *number));
  return version;
}

Result<RegisteredVersion> GitModelRegistry::change_version(const ModelPlace& place, std::int64_t number,
                                                           const ports::RegisteredVersionChange& change,
                                                           const Principal& by, Time at) {
  SLUICE_TRY(registry,
             this->change(place, by, at, [&](Registry& open, const Registry::By& who) -> Result<bool> {
               if (!has(open, number)) return Fail(no_version(place, number));
               if (change.stage_of_others) {
                 SLUICE_CHECK(change.stage);
                 for (const auto other : open.numbers()) {
                   SLUICE_TRY(meta, open.version_meta(other));
                   if (other != number && meta.stage == *change.stage)
                     SLUICE_DO(open.set_stage(other, *change.stage_of_others, who));
                 }
               }
               if (change.stage) SLUICE_DO(open.set_stage(number, *change.stage, who));
               if (change.description) SLUICE_DO(open.describe_version(number, *change.description, who));
               if (change.tag) SLUICE_DO(open.tag_version(number, change.tag->key, change.tag->value, who));
               if (change.removed_tag)
                 SLUICE_DO(open.tag_version(number, *change.removed_tag, std::nullopt, who));
               return true;
             }));
  return describe(registry, place.model, number);
}

Result<void> GitModelRegistry::remove_version(const ModelPlace& place, std::int64_t number,
                                              const Principal& by, Time at) {
  SLUICE_DO(change(place, by, at, [&](Registry& open, const Registry::By& who) -> Result<bool> {
    if (!has(open, number)) return Fail(no_version(place, number));
    SLUICE_DO(open.remove_version(number, who));
    return true;
  }));
  return {};
}

Result<std::optional<std::string>> GitModelRegistry::mark(const ModelPlace& place) const {
  const auto file = path_of(place) / "packed-refs";
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return Fail(system_error("stat " + file.string(), errno));
  }
  return fmt::format("{}-{}.{:09}-{}", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                     status.st_size);
}

Result<ports::RegisteredContent> GitModelRegistry::content(const ModelPlace& place) const {
  SLUICE_TRY(before, mark(place));
  SLUICE_TRY(registry, read(place));
  ports::RegisteredContent out{
      .workspace = place.workspace, .mark = before.value_or(""), .model = {}, .versions = {}};
  SLUICE_TRY(model, describe(registry, place.model));
  out.model = std::move(model);
  SLUICE_TRY(meta, registry.model_meta());
  for (const auto number : registry.numbers()) {
    SLUICE_TRY(version, describe(registry, place.model, number, meta));
    out.versions.push_back(std::move(version));
  }
  return out;
}

Result<std::vector<ModelPlace>> GitModelRegistry::places() const {
  std::vector<ModelPlace> out;
  const auto& models = repositories_.folder();
  SLUICE_DO(
      git::each_repository(models, [&](const fs::path& repository, const std::string& name) -> Result<void> {
        const auto workspace = git::decode_name(repository.parent_path().string());
        if (!workspace) return {};  // not one of ours
        auto exact = name;
        if (!git::decode_name(repository.stem().string())) {
          SLUICE_TRY(registry, Registry::open(models / repository, repositories_.tags()));
          SLUICE_TRY(read, registry.model_name());
          exact = std::move(read);
        }
        out.push_back({.workspace = *workspace, .model = std::move(exact)});
        return {};
      }));
  return out;
}

}  // namespace sluice::stores
