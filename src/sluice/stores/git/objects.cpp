#include "sluice/stores/git/objects.hpp"

#include <cerrno>
#include <cstdio>

#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/repository.h>

#include "sluice/os/files.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

/// Prefix of folders, in the repository, in which packs are written. Only the holder of the repository's lock
/// writes, so whoever takes the lock may remove what a dead one left.
constexpr std::string_view unfinished = "new-";

Error failed(const fs::path& repository, std::string_view what) {
  const auto* last = git_error_last();
  return environment_error(Code::unavailable,
                           repository.string() + ": cannot " + std::string(what) + ": " +
                               (last != nullptr && last->message != nullptr ? last->message : "git failed"));
}

git_object_t type_of(Objects::Kind kind) {
  switch (kind) {
    case Objects::Kind::commit: return GIT_OBJECT_COMMIT;
    case Objects::Kind::tree: return GIT_OBJECT_TREE;
    case Objects::Kind::blob: return GIT_OBJECT_BLOB;
    case Objects::Kind::tag: return GIT_OBJECT_TAG;
  }
  return GIT_OBJECT_INVALID;
}

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using Odb = std::unique_ptr<git_odb, Freed<git_odb, git_odb_free>>;
using Repository = std::unique_ptr<git_repository, Freed<git_repository, git_repository_free>>;
using Config = std::unique_ptr<git_config, Freed<git_config, git_config_free>>;
using PackBuilder = std::unique_ptr<git_packbuilder, Freed<git_packbuilder, git_packbuilder_free>>;
using OdbObject = std::unique_ptr<git_odb_object, Freed<git_odb_object, git_odb_object_free>>;

Oid text_of(const git_oid& oid) {
  Oid out(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(out.data(), &oid);
  return out;
}

}  // namespace

struct Objects::Impl {
  fs::path path;
  Odb odb;
  Repository repository;         ///< around the same odb: what the pack builder wants
  std::vector<git_oid> written;  ///< in memory still

  Result<fs::path> write_pack(const std::vector<git_oid>& oids, const fs::path& folder) const;
  Result<std::vector<fs::path>> packs() const;
  Result<void> move_in(const fs::path& folder) const;
};

Objects::Objects(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Objects::~Objects() = default;
Objects::Objects(Objects&&) noexcept = default;
Objects& Objects::operator=(Objects&&) noexcept = default;

void Objects::warm_up() {
  // Kept to the end of the process: each beginning reads all certificates of this machine.
  [[maybe_unused]] static const int begun = git_libgit2_init();
}

Result<Objects> Objects::open(const fs::path& repository) {
  warm_up();
  auto impl = std::make_unique<Impl>();
  impl->path = repository;
  git_odb* odb = nullptr;
  if (git_odb_open(&odb, (repository / "objects").c_str()) != 0)
    return Fail(failed(repository, "open its objects"));
  impl->odb.reset(odb);
  git_odb_backend* memory = nullptr;
  constexpr int before_the_disk = 999;
  if (git_mempack_new(&memory) != 0 || git_odb_add_backend(odb, memory, before_the_disk) != 0)
    return Fail(failed(repository, "open its objects"));
  // Wrapped, not opened: no configuration of this machine's user is read, and no owner is asked for.
  git_repository* wrapped = nullptr;
  git_config* none = nullptr;
  if (git_repository_wrap_odb(&wrapped, odb) != 0) return Fail(failed(repository, "open its objects"));
  impl->repository.reset(wrapped);
  if (git_config_new(&none) != 0) return Fail(failed(repository, "open its objects"));
  const Config config(none);
  if (git_repository_set_config(wrapped, none) != 0) return Fail(failed(repository, "open its objects"));
  return Objects(std::move(impl));
}

Result<Oid> Objects::write(Kind kind, std::string_view bytes) {
  git_oid oid;
  if (git_odb_hash(&oid, bytes.data(), bytes.size(), type_of(kind)) != 0)
    return Fail(failed(impl_->path, "hash an object"));
  // Nobody else writes here meanwhile, so packs need not be looked for again.
  if (git_odb_exists_ext(impl_->odb.get(), &oid, GIT_ODB_LOOKUP_NO_REFRESH) != 0) return text_of(oid);
  if (git_odb_write(&oid, impl_->odb.get(), bytes.data(), bytes.size(), type_of(kind)) != 0)
    return Fail(failed(impl_->path, "write an object"));
  impl_->written.push_back(oid);
  return text_of(oid);
}

Result<Objects::Object> Objects::read(const Oid& oid) const {
  git_oid name;
  if (!is_oid(oid) || git_oid_fromstr(&name, oid.c_str()) != 0)
    return Fail(user_error(Code::invalid_argument, "`" + oid.substr(0, 60) + "` is not a git object's name"));
  git_odb_object* object = nullptr;
  if (const int code = git_odb_read(&object, impl_->odb.get(), &name); code != 0) {
    auto error = failed(impl_->path, "read object " + oid);
    error.code = code == GIT_ENOTFOUND ? Code::not_found : Code::data_loss;
    error.message += "; check the repository with `git fsck`, or fetch the object from a clone";
    return Fail(std::move(error));
  }
  const OdbObject owner(object);
  Object out{.bytes = {static_cast<const char*>(git_odb_object_data(object)), git_odb_object_size(object)}};
  switch (git_odb_object_type(object)) {
    case GIT_OBJECT_COMMIT: out.kind = Kind::commit; break;
    case GIT_OBJECT_TREE: out.kind = Kind::tree; break;
    case GIT_OBJECT_TAG: out.kind = Kind::tag; break;
    default: out.kind = Kind::blob;
  }
  return out;
}

Result<std::string> Objects::read(const Oid& oid, Kind kind) const {
  SLUICE_TRY(object, read(oid));
  if (object.kind != kind)
    return Fail(user_error(Code::invalid_argument,
                           "git object " + oid + " is not a " + git_object_type2string(type_of(kind))));
  return std::move(object.bytes);
}

Result<Commit> Objects::commit(const Oid& oid) const {
  SLUICE_TRY(bytes, read(oid, Kind::commit));
  return parse_commit(bytes);
}

Result<Tag> Objects::tag(const Oid& oid) const {
  SLUICE_TRY(bytes, read(oid, Kind::tag));
  return parse_tag(bytes);
}

Result<std::vector<TreeEntry>> Objects::tree(const Oid& oid) const {
  SLUICE_TRY(bytes, read(oid, Kind::tree));
  return parse_tree(bytes);
}

Result<std::vector<Oid>> Objects::all() const {
  std::vector<Oid> out;
  const auto take = [](const git_oid* oid, void* list) {
    static_cast<std::vector<Oid>*>(list)->push_back(text_of(*oid));
    return 0;
  };
  // One more look at the folder: libgit2's memory back-end, which ours has in front, cannot list (1.5 calls a
  // null pointer).
  git_odb* on_disk = nullptr;
  if (git_odb_open(&on_disk, (impl_->path / "objects").c_str()) != 0)
    return Fail(failed(impl_->path, "open its objects"));
  const Odb owner(on_disk);
  if (git_odb_foreach(on_disk, take, &out) != 0) return Fail(failed(impl_->path, "list its objects"));
  return out;
}

Result<fs::path> Objects::Impl::write_pack(const std::vector<git_oid>& oids, const fs::path& folder) const {
  git_packbuilder* builder = nullptr;
  if (git_packbuilder_new(&builder, repository.get()) != 0) return Fail(failed(path, "make a pack"));
  const PackBuilder owner(builder);
  git_packbuilder_set_threads(builder, 1);  // these packs are small: starting threads would take longer
  for (const auto& oid : oids)
    if (git_packbuilder_insert(builder, &oid, nullptr) != 0) return Fail(failed(path, "make a pack"));
  if (git_packbuilder_write(builder, folder.c_str(), 0444, nullptr, nullptr) != 0)
    return Fail(failed(path, "write a pack"));
  return folder;
}

Result<void> Objects::Impl::move_in(const fs::path& folder) const {
  SLUICE_TRY(files, os::list_directory(folder));
  for (const auto& file : files) SLUICE_DO(os::fsync_file(folder / file.name));
  // The pack before its index: a pack is looked for by its index.
  for (const std::string_view ending : {".pack", ".idx"})
    for (const auto& file : files) {
      if (!file.name.ends_with(ending)) continue;
      const auto to = path / "objects" / "pack" / file.name;
      if (std::rename((folder / file.name).c_str(), to.c_str()) != 0)
        return Fail(system_error("rename to " + to.string(), errno));
    }
  return os::fsync_directory(path / "objects" / "pack");
}

Result<std::vector<fs::path>> Objects::Impl::packs() const {
  SLUICE_TRY(entries, os::list_directory(path / "objects" / "pack"));
  std::vector<fs::path> out;
  for (const auto& entry : entries)
    if (entry.name.ends_with(".pack")) out.push_back(path / "objects" / "pack" / entry.name);
  return out;
}

Result<void> Objects::flush() {
  if (impl_->written.empty()) return {};
  SLUICE_TRY(folder, os::TemporaryDirectory::make(impl_->path, unfinished));
  SLUICE_DO(impl_->write_pack(impl_->written, folder.path()));
  SLUICE_DO(impl_->move_in(folder.path()));
  impl_->written.clear();
  return {};
}

Result<void> Objects::repack(std::size_t packs_max) {
  SLUICE_TRY(old, impl_->packs());
  if (old.size() <= packs_max) return {};
  SLUICE_DO(flush());
  SLUICE_TRY(all_oids, all());
  std::vector<git_oid> oids(all_oids.size());
  for (std::size_t i = 0; i < oids.size(); ++i) git_oid_fromstr(&oids[i], all_oids[i].c_str());
  SLUICE_TRY(folder, os::TemporaryDirectory::make(impl_->path, unfinished));
  SLUICE_DO(impl_->write_pack(oids, folder.path()));
  SLUICE_TRY(made, os::list_directory(folder.path()));
  SLUICE_DO(impl_->move_in(folder.path()));
  // Readers that have an old pack open go on with it; those that look for it afterwards look again, and find
  // the new one.
  for (const auto& pack : old) {
    bool is_new = false;
    for (const auto& file : made) is_new = is_new || pack.filename() == file.name;
    if (is_new) continue;
    auto index = pack;
    index.replace_extension(".idx");
    SLUICE_DO(os::remove_tree(index));
    SLUICE_DO(os::remove_tree(pack));
  }
  return {};
}

}  // namespace sluice::stores::git
