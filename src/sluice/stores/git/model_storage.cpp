// What sweeps, backups and checks need of the repositories.
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

Result<void> each_version_of(const fs::path& repository, const std::string& name, git::TagCache& tags,
                             const std::function<Result<void>(const VersionContent&)>& take) {
  SLUICE_TRY(registry, Registry::open(repository, tags));
  const auto take_version = [&](std::int64_t number, const git::VersionTag& version,
                                bool is_removed) -> Result<void> {
    VersionContent content{.model = name + " v" + std::to_string(number) + (is_removed ? " (removed)" : ""),
                           .is_version = !is_removed,
                           .files = {},
                           .texts = {},
                           .large_files = {}};
    SLUICE_TRY(tree, registry.tree(version));
    SLUICE_DO(add_files(registry.objects(), tree, content));
    return take(content);
  };
  for (const auto number : registry.numbers()) {
    SLUICE_TRY(version, registry.version(number));
    SLUICE_DO(take_version(number, *version, false));
  }
  // Until they are purged, they can be had back.
  for (const auto number : registry.removed()) {
    SLUICE_TRY(version, registry.removed_version(number));
    SLUICE_DO(take_version(number, *version, true));
  }
  // What no version has any more, but a clone can check out.
  VersionContent history{
      .model = name + " (its history)", .is_version = false, .files = {}, .texts = {}, .large_files = {}};
  SLUICE_TRY(all, registry.objects().all());
  for (const auto& oid : all) {
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

Result<void> GitModelRepository::each_version(
    const std::function<Result<void>(const VersionContent&)>& take) const {
  SLUICE_DO(git::each_repository(folder(), [&](const fs::path& repository, const std::string& name) {
    return each_version_of(folder() / repository, name, tags(), take);
  }));
  const auto removed = [&take](const VersionContent& version) {
    auto content = version;
    content.is_version = false;
    return take(content);
  };
  return git::each_removed_repository(folder(), [&](const fs::path& repository, const std::string& name) {
    return each_version_of(folder() / repository, name, tags(), removed);
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
