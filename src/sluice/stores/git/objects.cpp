#include "sluice/stores/git/objects.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <tuple>

#include <fmt/format.h>

#include "sluice/os/files.hpp"
#include "sluice/stores/git/libgit2.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

/// Prefix of folders, in the repository, in which packs are written. Only the holder of the repository's lock
/// writes, so the next holder may remove what a dead one left.
constexpr std::string_view unfinished = "new-";

std::atomic<std::uint64_t> objects_read{0};

Error failed(const Libgit2& git, const fs::path& repository, std::string_view what) {
  const auto* last = git.error_last();
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

template <typename T, void (*Libgit2::*Free)(T*)>
struct Deleter {
  const Libgit2* git = nullptr;
  void operator()(T* object) const { (git->*Free)(object); }
};
using Odb = std::unique_ptr<git_odb, Deleter<git_odb, &Libgit2::odb_free>>;
using Repository = std::unique_ptr<git_repository, Deleter<git_repository, &Libgit2::repository_free>>;
using Config = std::unique_ptr<git_config, Deleter<git_config, &Libgit2::config_free>>;
using PackBuilder = std::unique_ptr<git_packbuilder, Deleter<git_packbuilder, &Libgit2::packbuilder_free>>;
using OdbObject = std::unique_ptr<git_odb_object, Deleter<git_odb_object, &Libgit2::odb_object_free>>;

Oid text_of(const Libgit2& git, const git_oid& oid) {
  Oid out(GIT_OID_HEXSZ, '\0');
  git.oid_fmt(out.data(), &oid);
  return out;
}

}  // namespace

struct Pack {
  fs::path path;
  std::uintmax_t bytes = 0;
};

/// Of `packs`, sorted by size, those that are to become one: see Objects::repack.
std::size_t small_ones(const std::vector<Pack>& packs) {
  std::uintmax_t together = 0;
  std::size_t count = 0;
  for (; count < packs.size(); ++count) {
    if (count >= 2 && packs[count].bytes >= 2 * together) break;
    together += packs[count].bytes;
  }
  return count;
}

/// One repository's objects, opened.
struct Objects::Opened {
  const Libgit2& git;
  fs::path path;
  Odb odb = {};
  Repository repository = {};         ///< around the same odb: required by the pack builder
  std::vector<git_oid> written = {};  ///< in memory, not flushed yet

  Result<fs::path> write_pack(const std::vector<git_oid>& oids, const fs::path& folder) const;
  Result<std::vector<Pack>> packs() const;
  Result<void> add_objects_of(const fs::path& pack, std::vector<git_oid>& out) const;
  Result<void> move_into_place(const fs::path& folder) const;
  [[nodiscard]] Fail fail(std::string_view what) const { return Fail(failed(git, path, what)); }
};

Objects::Objects(fs::path repository) : path_(std::move(repository)) {}
Objects::~Objects() = default;
Objects::Objects(Objects&&) noexcept = default;
Objects& Objects::operator=(Objects&&) noexcept = default;

std::uint64_t Objects::reads() { return objects_read; }

Result<std::string> Objects::library_version() {
  SLUICE_TRY(library, libgit2());
  int major = 0;
  int minor = 0;
  int revision = 0;
  library->libgit2_version(&major, &minor, &revision);
  return fmt::format("{}.{}.{}", major, minor, revision);
}

Result<Objects::Opened*> Objects::opened() const {
  if (opened_) return opened_.get();
  SLUICE_TRY(library, libgit2());
  const auto& git = *library;
  auto made = std::make_unique<Opened>(git, path_);
  constexpr std::string_view opening = "open its objects";
  git_odb* odb = nullptr;
  if (git.odb_open(&odb, (path_ / "objects").c_str()) != 0) return made->fail(opening);
  made->odb = Odb(odb, {library});
  git_odb_backend* memory = nullptr;
  constexpr int priority_before_disk = 999;
  if (git.mempack_new(&memory) != 0 || git.odb_add_backend(odb, memory, priority_before_disk) != 0)
    return made->fail(opening);
  // Wrapped, not opened: the user's git configuration is not read, and the folder's owner is not checked.
  git_repository* wrapped = nullptr;
  git_config* none = nullptr;
  if (git.repository_wrap_odb(&wrapped, odb) != 0) return made->fail(opening);
  made->repository = Repository(wrapped, {library});
  if (git.config_new(&none) != 0) return made->fail(opening);
  const Config config(none, {library});
  if (git.repository_set_config(wrapped, none) != 0) return made->fail(opening);
  opened_ = std::move(made);
  return opened_.get();
}

Result<Oid> Objects::write(Kind kind, std::string_view bytes) {
  SLUICE_TRY(impl, opened());
  git_oid oid;
  if (impl->git.odb_hash(&oid, bytes.data(), bytes.size(), type_of(kind)) != 0)
    return impl->fail("hash an object");
  // No one else writes here meanwhile, so there is no need to look for new packs.
  if (impl->git.odb_exists_ext(impl->odb.get(), &oid, GIT_ODB_LOOKUP_NO_REFRESH) != 0)
    return text_of(impl->git, oid);
  if (impl->git.odb_write(&oid, impl->odb.get(), bytes.data(), bytes.size(), type_of(kind)) != 0)
    return impl->fail("write an object");
  impl->written.push_back(oid);
  return text_of(impl->git, oid);
}

Result<Objects::Object> Objects::read(const Oid& oid) const {
  SLUICE_TRY(impl, opened());
  git_oid name;
  if (!is_oid(oid) || impl->git.oid_fromstr(&name, oid.c_str()) != 0)
    return Fail(user_error(Code::invalid_argument, "`" + oid.substr(0, 60) + "` is not a git object's name"));
  ++objects_read;
  git_odb_object* object = nullptr;
  if (const int code = impl->git.odb_read(&object, impl->odb.get(), &name); code != 0) {
    auto error = failed(impl->git, impl->path, "read object " + oid);
    error.code = code == GIT_ENOTFOUND ? Code::not_found : Code::data_loss;
    error.message += "; check the repository with `git fsck`, or fetch the object from a clone";
    return Fail(std::move(error));
  }
  const OdbObject owner(object, {&impl->git});
  Object out{.bytes = {static_cast<const char*>(impl->git.odb_object_data(object)),
                       impl->git.odb_object_size(object)}};
  switch (impl->git.odb_object_type(object)) {
    case GIT_OBJECT_COMMIT: out.kind = Kind::commit; break;
    case GIT_OBJECT_TREE: out.kind = Kind::tree; break;
    case GIT_OBJECT_TAG: out.kind = Kind::tag; break;
    default: out.kind = Kind::blob;
  }
  return out;
}

Result<std::string> Objects::read(const Oid& oid, Kind kind) const {
  SLUICE_TRY(object, read(oid));
  if (object.kind != kind) {
    SLUICE_TRY(impl, opened());
    return Fail(user_error(Code::invalid_argument,
                           "git object " + oid + " is not a " + impl->git.object_type2string(type_of(kind))));
  }
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
  SLUICE_TRY(impl, opened());
  std::vector<git_oid> found;
  const auto take = [](const git_oid* oid, void* list) {
    static_cast<std::vector<git_oid>*>(list)->push_back(*oid);
    return 0;
  };
  // Opens the folder once more: libgit2's memory back-end, which precedes the disk in `odb`, cannot list
  // objects (1.5 calls a null pointer).
  git_odb* on_disk = nullptr;
  if (impl->git.odb_open(&on_disk, (impl->path / "objects").c_str()) != 0)
    return impl->fail("open its objects");
  const Odb owner(on_disk, {&impl->git});
  if (impl->git.odb_foreach(on_disk, take, &found) != 0) return impl->fail("list its objects");
  std::vector<Oid> out;
  out.reserve(found.size());
  for (const auto& oid : found) out.push_back(text_of(impl->git, oid));
  return out;
}

Result<fs::path> Objects::Opened::write_pack(const std::vector<git_oid>& oids, const fs::path& folder) const {
  git_packbuilder* builder = nullptr;
  if (git.packbuilder_new(&builder, repository.get()) != 0) return fail("make a pack");
  const PackBuilder owner(builder, {&git});
  git.packbuilder_set_threads(builder, 1);  // these packs are small: starting threads would take longer
  for (const auto& oid : oids)
    if (git.packbuilder_insert(builder, &oid, nullptr) != 0) return fail("make a pack");
  if (git.packbuilder_write(builder, folder.c_str(), 0444, nullptr, nullptr) != 0)
    return fail("write a pack");
  return folder;
}

Result<void> Objects::Opened::move_into_place(const fs::path& folder) const {
  SLUICE_TRY(files, os::list_directory(folder));
  for (const auto& file : files) SLUICE_DO(os::fsync_file(folder / file.name));
  // The pack before its index: a pack is found by its index.
  for (const std::string_view ending : {".pack", ".idx"})
    for (const auto& file : files) {
      if (!file.name.ends_with(ending)) continue;
      const auto to = path / "objects" / "pack" / file.name;
      if (std::rename((folder / file.name).c_str(), to.c_str()) != 0)
        return Fail(system_error("rename to " + to.string(), errno));
    }
  return os::fsync_directory(path / "objects" / "pack");
}

/// The smallest first.
Result<std::vector<Pack>> Objects::Opened::packs() const {
  SLUICE_TRY(entries, os::list_directory(path / "objects" / "pack"));
  std::vector<Pack> out;
  for (const auto& entry : entries) {
    if (!entry.name.ends_with(".pack")) continue;
    const auto file = path / "objects" / "pack" / entry.name;
    std::error_code failure;
    const auto bytes = fs::file_size(file, failure);
    if (failure) return Fail(system_error("stat " + file.string(), failure.value()));
    out.push_back({.path = file, .bytes = bytes});
  }
  std::ranges::sort(out, [](const Pack& a, const Pack& b) {
    return std::tie(a.bytes, a.path) < std::tie(b.bytes, b.path);
  });
  return out;
}

/// Reads their names from its index, which has them sorted, after 256 running counts by first byte.
Result<void> Objects::Opened::add_objects_of(const fs::path& pack, std::vector<git_oid>& out) const {
  auto index = pack;
  index.replace_extension(".idx");
  constexpr std::size_t index_bytes_max = std::size_t{1} << 30;
  constexpr std::size_t counts_at = 8;
  constexpr std::size_t names_at = counts_at + std::size_t{256} * 4;
  SLUICE_TRY(bytes, os::read_file(index, index_bytes_max));
  std::size_t count = 0;
  if (bytes.size() >= names_at)
    for (std::size_t i = names_at - 4; i < names_at; ++i)
      count = count << 8 | static_cast<unsigned char>(bytes[i]);
  if (!bytes.starts_with(std::string_view("\377tOc\0\0\0\2", counts_at)) ||
      bytes.size() < names_at + count * GIT_OID_RAWSZ)
    return Fail(environment_error(Code::data_loss, index.string() +
                                                       ": not an index of a pack; make it again with `git "
                                                       "index-pack`"));
  for (std::size_t i = 0; i < count; ++i)
    git.oid_fromraw(&out.emplace_back(),
                    reinterpret_cast<const unsigned char*>(bytes.data()) + names_at + i * GIT_OID_RAWSZ);
  return {};
}

Result<void> Objects::flush() {
  if (!opened_ || opened_->written.empty()) return {};
  SLUICE_TRY(impl, opened());
  SLUICE_TRY(folder, os::TemporaryDirectory::make(impl->path, unfinished));
  SLUICE_DO(impl->write_pack(impl->written, folder.path()));
  SLUICE_DO(impl->move_into_place(folder.path()));
  impl->written.clear();
  return {};
}

Result<void> Objects::repack(std::size_t packs_max) {
  SLUICE_TRY(impl, opened());
  SLUICE_DO(flush());
  SLUICE_TRY(old, impl->packs());
  if (old.size() <= packs_max) return {};
  old.resize(small_ones(old));
  std::vector<git_oid> oids;
  for (const auto& pack : old) SLUICE_DO(impl->add_objects_of(pack.path, oids));
  SLUICE_TRY(folder, os::TemporaryDirectory::make(impl->path, unfinished));
  SLUICE_DO(impl->write_pack(oids, folder.path()));
  SLUICE_TRY(made, os::list_directory(folder.path()));
  SLUICE_DO(impl->move_into_place(folder.path()));
  // Readers that have an old pack open continue to use it; others that look for it later scan the folder
  // again, and find the new one.
  for (const auto& [pack, bytes] : old) {
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
