#include "sluice/stores/git/git_model_repository.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <ranges>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/content.hpp"
#include "sluice/stores/git/import.hpp"
#include "sluice/stores/git/model_names.hpp"
#include "sluice/stores/git/names.hpp"
#include "sluice/stores/git/new_repository.hpp"
#include "sluice/stores/git/pack_merges.hpp"
#include "sluice/stores/git/pointer.hpp"
#include "sluice/stores/git/registry.hpp"
#include "sluice/stores/git/removed_models.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;
using git::Objects;
using git::Registry;

namespace {

constexpr std::string_view suffix = ".git";
constexpr std::size_t alias_max = std::size_t{4} * 255;
constexpr std::size_t suggested_max = 10'000;

Result<void> check_model_name(const std::string& name) {
  if (name.empty()) return Fail(user_error(Code::invalid_argument, "the model's name must not be empty"));
  if (!is_utf8(name))
    return Fail(user_error(Code::invalid_argument,
                           "the model's name `" + percent_encode(name, " ") + "` is not UTF-8; rename it"));
  return {};
}

bool is_reserved_reference(const std::string& text) {
  const auto digits = text.starts_with('v') ? std::string_view(text).substr(1) : std::string_view(text);
  return text == "latest" ||
         (!digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }));
}

Result<void> check_alias(const std::string& alias) {
  const auto refuse = [&](std::string_view why) {
    return Fail(user_error(Code::invalid_argument, "alias `" + git::subject_of(percent_encode(alias, " ")) +
                                                       "` " + std::string(why)));
  };
  if (alias.empty()) return refuse("is empty; give it a name such as `champion`");
  if (is_reserved_reference(alias))
    return refuse("is reserved for a version; give it a name such as `champion`");
  if (alias.size() > alias_max || !is_utf8(alias) ||
      std::ranges::any_of(alias, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    return refuse("must be one line of at most 255 characters in UTF-8");
  return {};
}

/// 12 for "12" and "v12".
std::optional<std::int64_t> number_of(const std::string& reference) {
  return git::version_number(reference.starts_with('v') ? reference : "v" + reference);
}

std::string list_of(const std::vector<std::int64_t>& numbers) {
  if (numbers.size() == 1) return "v" + std::to_string(numbers.front());
  return "v" + std::to_string(numbers.back()) + " … v" + std::to_string(numbers.front());
}

using Aliases = std::map<std::string, std::int64_t>;

Result<ports::ModelVersion> describe(const Registry& registry, const std::string& model, std::int64_t number,
                                     const Aliases& aliases) {
  SLUICE_TRY(tag, registry.version(number));
  SLUICE_TRY(meta, registry.version_meta(number));
  ports::ModelVersion out{.model = model,
                          .number = number,
                          .commit = tag->commit,
                          .created = tag->record.created,
                          .user = tag->record.user,
                          .run = tag->record.run_id,
                          .description = meta.description.value_or(tag->record.description),
                          .aliases = {}};
  for (const auto& [name, named] : aliases)
    if (named == number) out.aliases.push_back(name);
  return out;
}

Result<ports::ModelVersion> describe(const Registry& registry, const std::string& model,
                                     std::int64_t number) {
  SLUICE_TRY(aliases, registry.aliases());
  return describe(registry, model, number, aliases);
}

/// The version that this call made before, or that has this content; nullopt if the call has to create one.
struct Existing {
  std::int64_t number = 0;
  bool by_key = false;
};
Result<std::optional<Existing>> find_existing(Registry& registry, const ports::NewVersion& version,
                                              const git::Oid& tree) {
  // Tables answer for the versions up to `indexed`, without reading them; the others are compared one by one.
  SLUICE_TRY(indexed, registry.indexed());
  const auto numbers = registry.numbers();
  const auto first_where = [&](std::int64_t after, const auto& find,
                               const auto& matches) -> Result<std::optional<std::int64_t>> {
    for (const auto number : numbers) {
      if (number <= after) break;
      SLUICE_TRY(same, matches(number));
      if (same) return number;
    }
    if (after == 0) return std::nullopt;
    SLUICE_TRY(number, find());
    if (!number || std::ranges::find(numbers, *number) == numbers.end()) return std::nullopt;
    SLUICE_TRY(same, matches(*number));
    return same ? number : std::nullopt;
  };
  if (!version.effect_key.empty()) {
    SLUICE_TRY(number, first_where(
                           indexed, [&] { return registry.find_effect(version.effect_key); },
                           [&](std::int64_t candidate) -> Result<bool> {
                             SLUICE_TRY(tag, registry.version(candidate));
                             return tag->record.key == version.effect_key;
                           }));
    if (number) return Existing{.number = *number, .by_key = true};
  }
  SLUICE_TRY(wanted, git::content_key(registry.objects(), tree, version.incidental));
  const bool content_is_indexed = version.incidental == ports::NewVersion{}.incidental;
  SLUICE_TRY(number, first_where(
                         content_is_indexed ? indexed : 0, [&] { return registry.find_content(wanted); },
                         [&](std::int64_t candidate) -> Result<bool> {
                           SLUICE_TRY(tag, registry.version(candidate));
                           SLUICE_TRY(root, registry.tree(*tag));
                           SLUICE_TRY(key, git::content_key(registry.objects(), root, version.incidental));
                           return key == wanted;
                         }));
  if (number) return Existing{.number = *number};
  return std::nullopt;
}

/// Adds the version to a repository whose lock is held, or which no other process can see yet.
Result<ports::Registered> add_to(Registry& registry, const ports::NewVersion& version,
                                 const git::Content& content, Time at, bool is_new_model) {
  const Registry::By by{.principal = version.principal, .at = at};
  SLUICE_TRY(tree, git::write_tree(registry.objects(), content.files));
  SLUICE_TRY(existing, find_existing(registry, version, tree));
  std::int64_t number = existing ? existing->number : 0;
  bool changed = false;
  if (!existing) {
    if (is_new_model) registry.create_model(version.model, by);
    const git::Record record{.created = at,
                             .user = version.principal.name,
                             .source = version.source,
                             .run_id = version.run_id,
                             .description = version.description,
                             .key = version.effect_key};
    SLUICE_TRY(made, registry.add_version(version.model, tree, record, by));
    number = made;
    changed = true;
  }
  if (!version.alias.empty() && !(existing && existing->by_key)) {
    const auto current = registry.alias(version.alias);
    if (current != number) {
      SLUICE_DO(registry.set_alias(version.alias, number, by));
      changed = true;
    }
  }
  if (changed) SLUICE_DO(registry.commit(by));
  SLUICE_TRY(described, describe(registry, version.model, number));
  return ports::Registered{.version = std::move(described), .created = !existing};
}

}  // namespace

struct GitModelRepository::Impl {
  fs::path models;
  ports::ObjectStore& store;
  const Clock& clock;
  mutable git::TagCache tags = {};
  Changed changed = nullptr;
  mutable std::mutex listing = {};  ///< guards the map; each of its values has a lock of its own
  mutable std::map<std::string, std::shared_ptr<git::ModelNames>> known_names = {};  ///< by workspace
  git::PackMerges merges = {};

  [[nodiscard]] fs::path folder_of(const std::string& workspace) const {
    return models / git::encode_name(workspace);
  }
  [[nodiscard]] fs::path path_of(const std::string& workspace, const std::string& model) const {
    return folder_of(workspace) / (git::encode_name(model) + std::string(suffix));
  }
  /// objects/ab/cd/<digest> → objects
  [[nodiscard]] fs::path objects_folder() const {
    return store.path_of(Digest{}).parent_path().parent_path().parent_path();
  }

  [[nodiscard]] Result<std::vector<std::string>> names(const std::string& workspace,
                                                       const ports::NamePage& page) const;
  [[nodiscard]] Error unknown_model(const std::string& workspace, const std::string& model) const;
  [[nodiscard]] Result<Registry> open(const std::string& workspace, const std::string& model) const;
  [[nodiscard]] Result<ports::ModelFile> resolve_file(const Objects& objects, const git::TreeBlob& blob,
                                                      bool store_plain) const;
  /// Runs `fill(registry)` on a new repository next to the model's path, then moves it there. False: one
  /// already exists.
  template <typename Fill>
  Result<bool> make_model(const std::string& workspace, const std::string& model, Fill fill);
};

Result<std::vector<std::string>> GitModelRepository::Impl::names(const std::string& workspace,
                                                                 const ports::NamePage& page) const {
  const auto folder = folder_of(workspace);
  if (!os::exists(folder)) return std::vector<std::string>();
  std::shared_ptr<git::ModelNames> names;
  {
    const std::scoped_lock lock(listing);
    auto& known = known_names[workspace];
    if (!known)
      known = std::make_shared<git::ModelNames>(
          folder, [this, folder](const std::string& file) -> Result<std::optional<std::string>> {
            SLUICE_TRY(registry, Registry::open(folder / file, tags));
            SLUICE_TRY(exact, registry.model_name());
            if (git::encode_name(exact) + std::string(suffix) != file) return std::nullopt;
            return exact;
          });
    names = known;
  }
  return names->page(page);
}

Error GitModelRepository::Impl::unknown_model(const std::string& workspace, const std::string& model) const {
  // A hint is not worth comparing a name with all of many.
  const auto known = names(workspace, {.limit = suggested_max});
  auto hint = known ? did_you_mean(model, *known) : "";
  if (hint.empty()) hint = "; `sluice models` lists the existing ones";
  return user_error(Code::not_found, "there is no model `" + git::subject_of(model) + "` in workspace `" +
                                         workspace + "`" + hint);
}

Result<Registry> GitModelRepository::Impl::open(const std::string& workspace,
                                                const std::string& model) const {
  const auto path = path_of(workspace, model);
  if (!os::exists(path)) return Fail(unknown_model(workspace, model));
  return Registry::open(path, tags);
}

template <typename Fill>
Result<bool> GitModelRepository::Impl::make_model(const std::string& workspace, const std::string& model,
                                                  Fill fill) {
  SLUICE_TRY(moved, git::make_repository(path_of(workspace, model), objects_folder(), tags, fill));
  if (moved && changed) changed({.workspace = workspace, .model = model});
  return moved;
}

Result<ports::ModelFile> GitModelRepository::Impl::resolve_file(const Objects& objects,
                                                                const git::TreeBlob& blob,
                                                                bool store_plain) const {
  SLUICE_TRY(bytes, objects.read(blob.oid, Objects::Kind::blob));
  if (const auto pointer = git::read_pointer(bytes))
    return ports::ModelFile{.path = blob.path, .size = pointer->size, .digest = pointer->digest};
  ports::ModelFile file{.path = blob.path, .size = static_cast<std::int64_t>(bytes.size()), .digest = {}};
  if (store_plain) {
    SLUICE_TRY(stored, store.put(bytes));
    file.digest = stored.digest;
  } else {
    file.digest = Digest::of(bytes);
  }
  return file;
}

GitModelRepository::GitModelRepository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GitModelRepository::~GitModelRepository() = default;

Result<std::string> GitModelRepository::library_version() { return git::Objects::library_version(); }

void GitModelRepository::warm_up() { std::ignore = library_version(); }

Result<std::unique_ptr<GitModelRepository>> GitModelRepository::open(const fs::path& models,
                                                                     ports::ObjectStore& store,
                                                                     const Clock& clock) {
  SLUICE_DO(os::make_directories(models));
  SLUICE_TRY(workspaces, os::list_directory(models));
  for (const auto& workspace : workspaces) {
    if (workspace.kind != os::DirectoryEntry::Kind::directory) continue;
    if (auto removed = os::remove_abandoned(models / workspace.name, clock.now(), git::new_repository_prefix);
        !removed)
      log::warning(removed.error().message);
  }
  auto impl = std::make_unique<Impl>(models, store, clock);
  return std::unique_ptr<GitModelRepository>(new GitModelRepository(std::move(impl)));
}

Result<ports::Registered> GitModelRepository::add_version(const ports::NewVersion& version) {
  SLUICE_DO(check_model_name(version.model));
  if (!version.alias.empty()) SLUICE_DO(check_alias(version.alias));
  const auto at = version.at == Time{} ? impl_->clock.now() : version.at;
  // Large files first, and without the lock: other writers need not wait for them.
  SLUICE_TRY(content, git::read_content(version.content, impl_->store));
  SLUICE_DO(impl_->store.make_durable(content.objects));
  const auto place = impl_->path_of(version.principal.workspace, version.model);
  const auto add_if_exists = [&]() -> Result<std::optional<ports::Registered>> {
    SLUICE_TRY(lock, git::RepositoryLock::acquire(place));
    if (!lock) return std::nullopt;
    SLUICE_TRY(registry, Registry::open(place, impl_->tags));
    return add_to(registry, version, content, at, false);
  };
  for (;;) {
    SLUICE_TRY(added, add_if_exists());
    if (added) {
      impl_->merges.changed(place);
      if (impl_->changed) impl_->changed({.workspace = version.principal.workspace, .model = version.model});
      return std::move(*added);
    }
    std::optional<ports::Registered> registered;
    SLUICE_TRY(moved, impl_->make_model(version.principal.workspace, version.model,
                                        [&](Registry& registry) -> Result<void> {
                                          SLUICE_TRY(added, add_to(registry, version, content, at, true));
                                          registered = std::move(added);
                                          return {};
                                        }));
    if (moved) return std::move(*registered);
  }
}

Result<std::vector<std::string>> GitModelRepository::models(const std::string& workspace,
                                                            const ports::NamePage& page) const {
  return impl_->names(workspace, page);
}

Result<ports::ModelVersions> GitModelRepository::versions(const std::string& workspace,
                                                          const std::string& model,
                                                          const ports::VersionPage& page) const {
  SLUICE_TRY(registry, impl_->open(workspace, model));
  SLUICE_TRY(aliases, registry.aliases());
  const auto numbers = registry.numbers();
  ports::ModelVersions out{.total = numbers.size(), .aliases = std::move(aliases), .page = {}};
  const auto first = std::ranges::upper_bound(numbers, page.before, std::greater{});
  for (auto number = first; number != numbers.end() && out.page.size() < page.limit; ++number) {
    SLUICE_TRY(version, describe(registry, model, *number, out.aliases));
    out.page.push_back(std::move(version));
  }
  return out;
}

Result<std::vector<std::int64_t>> GitModelRepository::numbers(const std::string& workspace,
                                                              const std::string& model) const {
  SLUICE_TRY(registry, impl_->open(workspace, model));
  return registry.numbers();
}

Result<std::optional<ports::ModelVersion>> GitModelRepository::find_commit(const std::string& workspace,
                                                                           const std::string& model,
                                                                           const std::string& commit) const {
  SLUICE_TRY(registry, impl_->open(workspace, model));
  const auto number = registry.number_of_commit(commit);
  if (!number) return std::nullopt;
  SLUICE_TRY(version, describe(registry, model, *number));
  return version;
}

Result<ports::ModelVersion> GitModelRepository::resolve(const std::string& workspace,
                                                        const std::string& model,
                                                        const std::string& reference) const {
  SLUICE_TRY(registry, impl_->open(workspace, model));
  const auto numbers = registry.numbers();
  if (numbers.empty())
    return Fail(user_error(Code::not_found,
                           "model `" + git::subject_of(model) + "` has no version yet; register one first"));
  if (reference == "latest") return describe(registry, model, numbers.front());
  if (reference.empty()) {
    const auto champion = registry.alias("champion");
    return describe(registry, model, champion.value_or(numbers.front()));
  }
  if (is_reserved_reference(reference)) {
    const auto number = number_of(reference);
    if (!number || std::ranges::find(numbers, *number) == numbers.end())
      return Fail(user_error(Code::not_found, "model `" + git::subject_of(model) + "` has no version `" +
                                                  git::subject_of(reference) + "`; it has " +
                                                  list_of(numbers)));
    return describe(registry, model, *number);
  }
  if (const auto number = registry.alias(reference)) return describe(registry, model, *number);
  SLUICE_TRY(aliases, registry.aliases());
  const auto names = std::views::keys(aliases);
  auto hint = did_you_mean(reference, {names.begin(), names.end()});
  if (hint.empty()) hint = "; it has " + list_of(numbers);
  return Fail(user_error(Code::not_found, "model `" + git::subject_of(model) + "` has no version or alias `" +
                                              git::subject_of(reference) + "`" + hint));
}

Result<std::vector<ports::ModelFile>> GitModelRepository::files(const std::string& workspace,
                                                                const ports::ModelVersion& version) const {
  SLUICE_TRY(registry, impl_->open(workspace, version.model));
  SLUICE_TRY(commit, registry.objects().commit(version.commit));
  SLUICE_TRY(blobs, git::list_blobs(registry.objects(), commit.tree));
  std::vector<ports::ModelFile> out;
  for (const auto& blob : blobs) {
    SLUICE_TRY(file, impl_->resolve_file(registry.objects(), blob, false));
    out.push_back(std::move(file));
  }
  return out;
}

Result<std::string> GitModelRepository::read(const std::string& workspace, const ports::ModelVersion& version,
                                             const std::string& path) const {
  SLUICE_TRY(registry, impl_->open(workspace, version.model));
  SLUICE_TRY(commit, registry.objects().commit(version.commit));
  SLUICE_TRY(blobs, git::list_blobs(registry.objects(), commit.tree));
  const auto found = std::ranges::find(blobs, path, &git::TreeBlob::path);
  if (found == blobs.end()) {
    std::vector<std::string> names;
    for (const auto& blob : blobs) names.push_back(blob.path);
    return Fail(user_error(Code::not_found, "model `" + git::subject_of(version.model) + "` v" +
                                                std::to_string(version.number) + " has no file `" +
                                                git::subject_of(path) + "`" + did_you_mean(path, names)));
  }
  SLUICE_TRY(bytes, registry.objects().read(found->oid, Objects::Kind::blob));
  if (const auto pointer = git::read_pointer(bytes)) return impl_->store.get(pointer->digest);
  return bytes;
}

Result<Artifact> GitModelRepository::as_artifact(const std::string& workspace,
                                                 const ports::ModelVersion& version) {
  SLUICE_TRY(registry, impl_->open(workspace, version.model));
  SLUICE_TRY(commit, registry.objects().commit(version.commit));
  SLUICE_TRY(blobs, git::list_blobs(registry.objects(), commit.tree));
  std::vector<ports::TreeFile> files;
  for (const auto& blob : blobs) {
    SLUICE_TRY(file, impl_->resolve_file(registry.objects(), blob, true));
    files.push_back({.path = file.path,
                     .digest = file.digest,
                     .size = file.size,
                     .executable = blob.mode == git::TreeEntry::Mode::program});
  }
  auto stored = impl_->store.put_tree(files);
  if (!stored)
    return Fail(std::move(stored).error().at("model `" + git::subject_of(version.model) + "` v" +
                                             std::to_string(version.number)));
  return Artifact{.kind = "model",
                  .form = Form::directory,
                  .digest = stored->digest,
                  .size = stored->size,
                  .name = version.model + " v" + std::to_string(version.number),
                  .uri = "",
                  .metadata = nullptr};
}

Result<void> GitModelRepository::set_alias(const std::string& workspace, const std::string& model,
                                           const std::string& alias, std::int64_t version,
                                           const Principal& by, Time at) {
  SLUICE_DO(check_alias(alias));
  const auto place = impl_->path_of(workspace, model);
  {
    SLUICE_TRY(lock, git::RepositoryLock::acquire(place));
    if (!lock) return Fail(impl_->unknown_model(workspace, model));
    SLUICE_TRY(registry, Registry::open(place, impl_->tags));
    const auto numbers = registry.numbers();
    if (std::ranges::find(numbers, version) == numbers.end())
      return Fail(user_error(Code::not_found, "model `" + git::subject_of(model) + "` has no version `v" +
                                                  std::to_string(version) + "`" +
                                                  (numbers.empty() ? "" : "; it has " + list_of(numbers))));
    const auto current = registry.alias(alias);
    if (current == version) return {};
    const Registry::By who{.principal = by, .at = at == Time{} ? impl_->clock.now() : at};
    SLUICE_DO(registry.set_alias(alias, version, who));
    SLUICE_DO(registry.commit(who));
  }
  impl_->merges.changed(place);
  if (impl_->changed) impl_->changed({.workspace = workspace, .model = model});
  return {};
}

Result<void> GitModelRepository::import_repository(const std::string& workspace, const std::string& model,
                                                   const fs::path& bare_repository) {
  SLUICE_DO(check_model_name(model));
  const auto place = impl_->path_of(workspace, model);
  if (os::exists(place)) return {};
  SLUICE_TRY(was_removed, git::was_removed(place));
  if (was_removed) return {};
  const Registry::By by{.principal = {.workspace = workspace, .name = "sluice"}, .at = impl_->clock.now()};
  SLUICE_DO(impl_->make_model(workspace, model, [&](Registry& registry) -> Result<void> {
    SLUICE_DO(git::import_repository(bare_repository, model, registry, impl_->store, by));
    return registry.commit(by);
  }));
  return {};
}

fs::path GitModelRepository::path_of(const std::string& workspace, const std::string& model) const {
  return impl_->path_of(workspace, model);
}

const fs::path& GitModelRepository::folder() const { return impl_->models; }
fs::path GitModelRepository::objects_folder() const { return impl_->objects_folder(); }
git::TagCache& GitModelRepository::tags() const { return impl_->tags; }
void GitModelRepository::keep_packs_few(const fs::path& repository) { impl_->merges.changed(repository); }

void GitModelRepository::when_changed(Changed changed) { impl_->changed = std::move(changed); }

}  // namespace sluice::stores
