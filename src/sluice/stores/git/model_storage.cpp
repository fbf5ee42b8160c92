// What sweeps, backups and checks need of the repositories.
#include <unordered_set>

#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/content.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/git/model_repositories.hpp"
#include "sluice/stores/git/names.hpp"
#include "sluice/stores/git/pointer.hpp"
#include "sluice/stores/git/registry.hpp"
#include "sluice/stores/git/removed_models.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;
using git::Objects;
using git::Registry;
using VersionContent = ports::ModelStorage::VersionContent;

namespace {

/// The files of a version: those that are in the repository as texts, the others by their digests.
Result<void> add_files(const Objects& objects, const git::Oid& tree, VersionContent& content) {
  SLUICE_TRY(blobs, git::list_blobs(objects, tree));
  for (const auto& blob : blobs) {
    SLUICE_TRY(bytes, objects.read(blob.oid, Objects::Kind::blob));
    ports::TreeFile file{.path = blob.path,
                         .digest = {},
                         .size = static_cast<std::int64_t>(bytes.size()),
                         .executable = blob.mode == git::TreeEntry::Mode::program};
    if (const auto pointer = git::read_pointer(bytes)) {
      file.digest = pointer->digest;
      file.size = pointer->size;
      content.large_files.push_back(pointer->digest);
    } else {
      file.digest = Digest::of(bytes);
      content.texts.push_back(std::move(bytes));
    }
    content.files.push_back(std::move(file));
  }
  return {};
}

/// Where a removed version is, for `purge`.
std::string place_of(const fs::path& repository, std::int64_t number) {
  return repository.string() + "#" + git::version_name(number);
}

/// The blobs of `commits` that are not among those of the `kept` trees: nothing needs what they name.
Result<std::unordered_set<git::Oid>> blobs_of_none(const Registry& registry,
                                                   const std::vector<git::Oid>& commits,
                                                   const std::vector<git::Oid>& kept) {
  std::unordered_set<git::Oid> out;
  for (const auto& oid : commits) {
    const auto commit = registry.objects().commit(oid);
    if (!commit && commit.error().code == Code::not_found)
      continue;  // no later version has it as its history
    if (!commit) return Fail(commit.error());
    SLUICE_TRY(blobs, git::list_blobs(registry.objects(), commit->tree));
    for (auto& blob : blobs) out.insert(std::move(blob.oid));
  }
  if (out.empty()) return out;
  for (const auto& tree : kept) {
    SLUICE_TRY(blobs, git::list_blobs(registry.objects(), tree));
    for (const auto& blob : blobs) out.erase(blob.oid);
  }
  return out;
}

Result<void> each_version_of(const fs::path& models, const fs::path& place, const std::string& name,
                             git::TagCache& tags, const std::unordered_set<std::string>& purged,
                             const std::function<Result<void>(const VersionContent&)>& take) {
  SLUICE_TRY(registry, Registry::open(models / place, tags));
  std::vector<git::Oid> kept;
  const auto take_version = [&](std::int64_t number, const git::VersionTag& version,
                                bool is_removed) -> Result<void> {
    VersionContent content{.model = name + " v" + std::to_string(number) + (is_removed ? " (removed)" : ""),
                           .is_version = !is_removed,
                           .files = {},
                           .texts = {},
                           .large_files = {}};
    SLUICE_TRY(tree, registry.tree(version));
    SLUICE_DO(add_files(registry.objects(), tree, content));
    kept.push_back(std::move(tree));
    return take(content);
  };
  for (const auto number : registry.numbers()) {
    SLUICE_TRY(version, registry.version(number));
    SLUICE_DO(take_version(number, *version, false));
  }
  SLUICE_TRY(gone, registry.purged());
  // Until they are purged, they can be had back.
  for (const auto number : registry.removed()) {
    SLUICE_TRY(version, registry.removed_version(number));
    if (purged.contains(place_of(place, number)))
      gone.push_back(version->commit);
    else
      SLUICE_DO(take_version(number, *version, true));
  }
  SLUICE_TRY(needed_by_none, blobs_of_none(registry, gone, kept));
  // What no version has any more, but a clone can check out.
  VersionContent history{
      .model = name + " (its history)", .is_version = false, .files = {}, .texts = {}, .large_files = {}};
  SLUICE_TRY(all, registry.objects().all());
  for (const auto& oid : all) {
    if (needed_by_none.contains(oid)) continue;
    SLUICE_TRY(object, registry.objects().read(oid));
    if (object.kind == Objects::Kind::blob) history.texts.push_back(std::move(object.bytes));
    if (history.texts.size() < 100) continue;
    SLUICE_DO(take(history));
    history.texts.clear();
  }
  return take(history);
}

}  // namespace

Result<void> git::each_repository(
    const fs::path& models,
    const std::function<Result<void>(const fs::path& repository, const std::string& name)>& take) {
  constexpr std::string_view suffix = ".git";
  if (!os::exists(models)) return {};
  SLUICE_TRY(workspaces, os::list_directory(models));
  for (const auto& workspace : workspaces) {
    if (workspace.kind != os::DirectoryEntry::Kind::directory) continue;
    SLUICE_TRY(entries, os::list_directory(models / workspace.name));
    for (const auto& entry : entries) {
      if (entry.kind != os::DirectoryEntry::Kind::directory || !entry.name.ends_with(suffix)) continue;
      if (entry.name.starts_with('.')) continue;  // one that is being made
      const auto encoded = entry.name.substr(0, entry.name.size() - suffix.size());
      SLUICE_DO(take(fs::path(workspace.name) / entry.name, git::decode_name(encoded).value_or(encoded)));
    }
  }
  return {};
}

Result<void> git::each_removed_repository(
    const fs::path& models,
    const std::function<Result<void>(const fs::path& repository, const std::string& name)>& take) {
  if (!os::exists(models)) return {};
  SLUICE_TRY(workspaces, os::list_directory(models));
  for (const auto& workspace : workspaces) {
    const auto trash = fs::path(workspace.name) / trash_folder;
    if (workspace.kind != os::DirectoryEntry::Kind::directory || !os::exists(models / trash)) continue;
    SLUICE_TRY(entries, os::list_directory(models / trash));
    for (const auto& entry : entries) {
      // Others are notes of models that were purged, and what is being purged.
      if (entry.kind != os::DirectoryEntry::Kind::directory || entry.name.starts_with('.')) continue;
      const auto encoded = entry.name.substr(0, entry.name.rfind('='));
      SLUICE_DO(take(trash / entry.name, decode_name(encoded).value_or(encoded) + " (removed)"));
    }
  }
  return {};
}

Result<std::int64_t> git::copy_repositories(const fs::path& models, const fs::path& to) {
  std::int64_t copied = 0;
  SLUICE_DO(os::make_directories(to));
  const auto copy = [&](const fs::path& repository, const std::string&) -> Result<void> {
    SLUICE_TRY(lock, RepositoryLock::acquire(models / repository));
    if (!lock) return {};  // it was removed meanwhile
    SLUICE_DO(os::make_directories((to / repository).parent_path()));
    std::error_code failed;
    fs::create_directory(to / repository, models / repository, failed);
    if (failed) return Fail(system_error("create " + (to / repository).string(), failed.value()));
    SLUICE_TRY(entries, os::list_directory(models / repository));
    for (const auto& entry : entries) {
      if (entry.name.starts_with(merge_prefix)) continue;  // the lock that is held here does not protect it
      const auto from = models / repository / entry.name;
      fs::copy(from, to / repository / entry.name,
               fs::copy_options::recursive | fs::copy_options::copy_symlinks, failed);
      if (failed) return Fail(system_error("copy " + from.string(), failed.value()));
    }
    ++copied;
    return {};
  };
  SLUICE_DO(each_repository(models, copy));
  const auto models_copied = copied;
  SLUICE_DO(each_removed_repository(models, copy));
  SLUICE_DO(copy_purge_notes(models, to));
  return models_copied;
}

Result<void> git::verify_repository(
    const fs::path& repository, const std::string& name, TagCache& tags,
    const std::function<void(const std::string&, const std::string&)>& report) {
  auto registry = Registry::open(repository, tags);
  if (!registry) {
    report(name, registry.error().message);
    return {};
  }
  const auto all = registry->objects().all();
  if (!all) {
    report(name, all.error().message);
    return {};
  }
  // Reading checks an object against its name.
  for (const auto& oid : *all)
    if (const auto object = registry->objects().read(oid); !object) report(name, object.error().message);
  auto numbers = registry->numbers();
  const auto present = numbers.size();
  const auto removed = registry->removed();
  numbers.insert(numbers.end(), removed.begin(), removed.end());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = numbers[i];
    VersionContent content;
    const auto files = [&]() -> Result<void> {
      SLUICE_TRY(version, i < present ? registry->version(number) : registry->removed_version(number));
      SLUICE_TRY(tree, registry->tree(*version));
      return add_files(registry->objects(), tree, content);
    }();
    if (!files) report(name + " v" + std::to_string(number), files.error().message);
  }
  return {};
}

Result<void> GitModelRepository::each_removed(const std::function<Result<void>(const Removed&)>& take) const {
  const auto versions = [&](const fs::path& place, const std::string& name) -> Result<void> {
    SLUICE_TRY(registry, Registry::open(folder() / place, tags()));
    for (const auto number : registry.removed()) {
      SLUICE_TRY(meta, registry.version_meta(number));
      if (!meta.deleted) continue;  // by another program, which says nothing of it
      SLUICE_DO(take({.place = place_of(place, number),
                      .name = name + " v" + std::to_string(number),
                      .is_version = true,
                      .removed = meta.deleted->at}));
    }
    return {};
  };
  SLUICE_DO(git::each_repository(folder(), versions));
  return git::each_removed_repository(folder(), [&](const fs::path& place, const std::string& name) {
    return take(
        {.place = place.string(), .name = name, .is_version = false, .removed = git::removed_at(place)});
  });
}

Result<void> GitModelRepository::purge(const std::vector<std::string>& places, Time at) {
  for (const auto& place : places) {
    const auto hash = place.rfind('#');
    if (hash == std::string::npos) {
      SLUICE_DO(git::purge_model(folder() / place));
      continue;
    }
    const auto number = git::version_number(std::string_view(place).substr(hash + 1));
    SLUICE_CHECK(number);
    SLUICE_DO(
        git::purge_version(folder() / place.substr(0, hash), *number, tags(), {.principal = {}, .at = at}));
  }
  return git::finish_purges(folder(), tags());
}

Result<void> GitModelRepository::each_version(
    const std::unordered_set<std::string>& purged,
    const std::function<Result<void>(const VersionContent&)>& take) const {
  SLUICE_DO(git::each_repository(folder(), [&](const fs::path& repository, const std::string& name) {
    return each_version_of(folder(), repository, name, tags(), purged, take);
  }));
  const auto removed = [&take](const VersionContent& version) {
    auto content = version;
    content.is_version = false;
    return take(content);
  };
  return git::each_removed_repository(
      folder(), [&](const fs::path& repository, const std::string& name) -> Result<void> {
        if (purged.contains(repository.string())) return {};
        return each_version_of(folder(), repository, name, tags(), purged, removed);
      });
}

Result<void> GitModelRepository::verify(
    const std::function<void(const std::string&, const std::string&)>& report) const {
  const auto verify = [&](const fs::path& repository, const std::string& name) {
    return git::verify_repository(folder() / repository, name, tags(), report);
  };
  SLUICE_DO(git::each_repository(folder(), verify));
  return git::each_removed_repository(folder(), verify);
}

}  // namespace sluice::stores
