#include "sluice/stores/git/objects.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <tuple>

#include <fmt/format.h>

#include "sluice/os/files.hpp"
#include "sluice/stores/git/bare_repository.hpp"
#include "sluice/stores/git/libgit2.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

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
using Indexer = std::unique_ptr<git_indexer, Deleter<git_indexer, &Libgit2::indexer_free>>;
using OdbObject = std::unique_ptr<git_odb_object, Deleter<git_odb_object, &Libgit2::odb_object_free>>;

Oid text_of(const Libgit2& git, const git_oid& oid) {
  Oid out(GIT_OID_HEXSZ, '\0');
  git.oid_fmt(out.data(), &oid);
  return out;
}

fs::path packs_folder(const fs::path& repository) { return repository / "objects" / "pack"; }

fs::path index_of(fs::path pack) { return pack.replace_extension(".idx"); }

struct Pack {
  fs::path path;
  std::uintmax_t bytes = 0;
};

/// The smallest first. A pack is found by its index: one without is what a process left that was killed.
Result<std::vector<Pack>> list_packs(const fs::path& repository) {
  SLUICE_TRY(entries, os::list_directory(packs_folder(repository)));
  std::vector<Pack> out;
  for (const auto& entry : entries) {
    if (!entry.name.ends_with(".idx")) continue;
    auto file = packs_folder(repository) / entry.name;
    file.replace_extension(".pack");
    std::error_code failure;
    const auto bytes = fs::file_size(file, failure);
    if (failure == std::errc::no_such_file_or_directory) continue;
    if (failure) return Fail(system_error("stat " + file.string(), failure.value()));
    out.push_back({.path = std::move(file), .bytes = bytes});
  }
  std::ranges::sort(out, [](const Pack& a, const Pack& b) {
    return std::tie(a.bytes, a.path) < std::tie(b.bytes, b.path);
  });
  return out;
}

/// Of `packs`, sorted by size, those that are to become one: see Objects::merge_small_packs.
std::size_t small_ones(const std::vector<Pack>& packs) {
  std::uintmax_t together = 0;
  std::size_t count = 0;
  for (; count < packs.size(); ++count) {
    if (count >= 2 && packs[count].bytes >= 2 * together) break;
    together += packs[count].bytes;
  }
  return count;
}

/// Reads their names from its index, which has them sorted, after 256 running counts by first byte.
Result<void> add_objects_of(const Libgit2& git, const fs::path& pack, std::vector<git_oid>& out) {
  const auto index = index_of(pack);
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

Result<void> sync_files(const fs::path& folder) {
  SLUICE_TRY(files, os::list_directory(folder));
  for (const auto& file : files) SLUICE_DO(os::fsync_file(folder / file.name));
  return {};
}

/// Moves the pack in `folder`, which is synced, into the repository.
Result<void> move_pack(const fs::path& folder, const fs::path& repository) {
  SLUICE_TRY(files, os::list_directory(folder));
  // The pack before its index: a pack is found by its index.
  for (const std::string_view ending : {".pack", ".idx"})
    for (const auto& file : files) {
      if (!file.name.ends_with(ending)) continue;
      const auto to = packs_folder(repository) / file.name;
      if (std::rename((folder / file.name).c_str(), to.c_str()) != 0)
        return Fail(system_error("rename to " + to.string(), errno));
    }
  return os::fsync_directory(packs_folder(repository));
}

/// A place of objects, before the others, that has none, and fails once `stop` is requested: while it looks
/// for deltas, libgit2 stops for nothing else than an object that it cannot read.
struct Brake {
  git_odb_backend backend = {};  ///< first: libgit2 passes the address of this one
  std::stop_token stop;

  explicit Brake(std::stop_token token) : stop(std::move(token)) {
    backend.version = GIT_ODB_BACKEND_VERSION;
    backend.read = [](void**, std::size_t*, git_object_t*, git_odb_backend* self, const git_oid*) {
      return reinterpret_cast<const Brake*>(self)->answer();
    };
    backend.read_header = [](std::size_t*, git_object_t*, git_odb_backend* self, const git_oid*) {
      return reinterpret_cast<const Brake*>(self)->answer();
    };
    backend.free = [](git_odb_backend* self) { delete reinterpret_cast<Brake*>(self); };
  }
  [[nodiscard]] int answer() const { return stop.stop_requested() ? GIT_EUSER : GIT_ENOTFOUND; }
};

/// Passes a pack on in large blocks: for each small one, libgit2 maps the file anew.
struct PackBlocks {
  static constexpr std::size_t block_bytes = std::size_t{1} << 20;
  const Libgit2& git;
  git_indexer* indexer = nullptr;
  git_indexer_progress progress = {};
  std::string waiting = {};

  int flush() {
    const int code = git.indexer_append(indexer, waiting.data(), waiting.size(), &progress);
    waiting.clear();
    return code;
  }
  static int add(void* bytes, std::size_t size, void* blocks) {
    auto& self = *static_cast<PackBlocks*>(blocks);
    self.waiting.append(static_cast<const char*>(bytes), size);
    return self.waiting.size() < block_bytes ? 0 : self.flush();
  }
};

}  // namespace

/// One repository's objects, opened.
struct Objects::Opened {
  const Libgit2& git;
  fs::path path;
  Odb odb = {};
  git_odb_backend* first = nullptr;   ///< of `odb`: memory, for what is written
  Repository repository = {};         ///< around the same odb: required by the pack builder
  std::vector<git_oid> written = {};  ///< in memory, not flushed yet

  /// `first`, which this owns then, is asked for objects before the disk.
  static Result<std::unique_ptr<Opened>> open(const Libgit2& git, const fs::path& path,
                                              git_odb_backend* first);
  Result<std::vector<Oid>> list() const;
  Result<void> write_pack(const std::vector<git_oid>& oids, const fs::path& folder) const;
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

Result<std::unique_ptr<Objects::Opened>> Objects::Opened::open(const Libgit2& git, const fs::path& path,
                                                               git_odb_backend* first) {
  auto made = std::make_unique<Opened>(git, path);
  constexpr std::string_view opening = "open its objects";
  git_odb* odb = nullptr;
  if (git.odb_open(&odb, (path / "objects").c_str()) != 0) {
    first->free(first);
    return made->fail(opening);
  }
  made->odb = Odb(odb, {&git});
  constexpr int priority_before_disk = 999;
  if (git.odb_add_backend(odb, first, priority_before_disk) != 0) return made->fail(opening);
  made->first = first;
  // Wrapped, not opened: the user's git configuration is not read, and the folder's owner is not checked.
  git_repository* wrapped = nullptr;
  git_config* none = nullptr;
  if (git.repository_wrap_odb(&wrapped, odb) != 0) return made->fail(opening);
  made->repository = Repository(wrapped, {&git});
  if (git.config_new(&none) != 0) return made->fail(opening);
  const Config config(none, {&git});
  if (git.repository_set_config(wrapped, none) != 0) return made->fail(opening);
  return made;
}

Result<Objects::Opened*> Objects::opened() const {
  if (opened_) return opened_.get();
  SLUICE_TRY(library, libgit2());
  git_odb_backend* memory = nullptr;
  if (library->mempack_new(&memory) != 0) return Fail(failed(*library, path_, "open its objects"));
  SLUICE_TRY(made, Opened::open(*library, path_, memory));
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
  // To the memory, not to the odb, which would list the packs again and look through them twice.
  if (impl->first->write(impl->first, &oid, bytes.data(), bytes.size(), type_of(kind)) != 0)
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
  // For one that is in no pack it knows, libgit2 lists the packs again; they may be replaced just then, too.
  constexpr int tries_max = 3;
  int code = GIT_ENOTFOUND;
  for (int i = 0; code == GIT_ENOTFOUND && i < tries_max; ++i)
    code = impl->git.odb_read(&object, impl->odb.get(), &name);
  if (code != 0) {
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

/// Opens the folder once more: libgit2's memory back-end, which precedes the disk in `odb`, cannot list
/// objects (1.5 calls a null pointer).
Result<std::vector<Oid>> Objects::Opened::list() const {
  git_odb* on_disk = nullptr;
  if (git.odb_open(&on_disk, (path / "objects").c_str()) != 0) return fail("open its objects");
  const Odb owner(on_disk, {&git});
  std::vector<git_oid> found;
  const auto take = [](const git_oid* oid, void* list) {
    static_cast<std::vector<git_oid>*>(list)->push_back(*oid);
    return 0;
  };
  if (git.odb_foreach(on_disk, take, &found) != 0) return fail("list its objects");
  std::vector<Oid> out;
  out.reserve(found.size());
  for (const auto& oid : found) out.push_back(text_of(git, oid));
  return out;
}

Result<std::vector<Oid>> Objects::all() const {
  SLUICE_TRY(impl, opened());
  // Where packs are replaced meanwhile, the list may fail, or lack what the new one holds.
  constexpr int tries_max = 10;
  for (int i = 1;; ++i) {
    SLUICE_TRY(before, list_packs(path_));
    auto listed = impl->list();
    const bool unchanged =
        std::ranges::all_of(before, [](const Pack& pack) { return os::exists(pack.path); });
    if ((listed && unchanged) || i == tries_max) return listed;
  }
}

Result<void> Objects::Opened::write_pack(const std::vector<git_oid>& oids, const fs::path& folder) const {
  git_packbuilder* builder = nullptr;
  if (git.packbuilder_new(&builder, repository.get()) != 0) return fail("make a pack");
  const PackBuilder owner(builder, {&git});
  git.packbuilder_set_threads(builder, 1);  // these packs are small: starting threads would take longer
  for (const auto& oid : oids)
    if (git.packbuilder_insert(builder, &oid, nullptr) != 0) return fail("make a pack");
  git_indexer_options options = GIT_INDEXER_OPTIONS_INIT;
  git_indexer* indexer = nullptr;
  if (git.indexer_new(&indexer, folder.c_str(), 0444, nullptr, &options) != 0) return fail("write a pack");
  const Indexer indexer_owner(indexer, {&git});
  PackBlocks blocks{.git = git, .indexer = indexer};
  if (git.packbuilder_foreach(builder, PackBlocks::add, &blocks) != 0 || blocks.flush() != 0 ||
      git.indexer_commit(indexer, &blocks.progress) != 0)
    return fail("write a pack");
  return {};
}

Result<void> Objects::flush() {
  if (!opened_ || opened_->written.empty()) return {};
  SLUICE_TRY(impl, opened());
  SLUICE_TRY(folder, os::TemporaryDirectory::make(impl->path, unfinished_prefix));
  SLUICE_DO(impl->write_pack(impl->written, folder.path()));
  SLUICE_DO(sync_files(folder.path()));
  SLUICE_DO(move_pack(folder.path(), impl->path));
  impl->written.clear();
  return {};
}

Result<std::size_t> Objects::count_packs(const fs::path& repository) {
  SLUICE_TRY(entries, os::list_directory(packs_folder(repository)));
  return static_cast<std::size_t>(std::ranges::count_if(
      entries, [](const os::DirectoryEntry& entry) { return entry.name.ends_with(".idx"); }));
}

Result<std::vector<fs::path>> Objects::merge_small_packs(const fs::path& repository, const fs::path& folder,
                                                         const std::stop_token& stop) {
  SLUICE_TRY(library, libgit2());
  SLUICE_TRY(small, list_packs(repository));
  small.resize(small_ones(small));
  std::vector<fs::path> replaced;
  if (small.size() < 2) return replaced;
  std::vector<git_oid> oids;
  for (auto& pack : small) {
    SLUICE_DO(add_objects_of(*library, pack.path, oids));
    replaced.push_back(std::move(pack.path));
  }
  // What takes a fraction of a second is finished: of a merge that stops, libgit2 frees only a part.
  constexpr std::size_t few = 5000;
  auto* const brake = new Brake(oids.size() > few ? stop : std::stop_token());
  SLUICE_TRY(objects, Opened::open(*library, repository, &brake->backend));
  auto written = objects->write_pack(oids, folder);
  if (!written && brake->stop.stop_requested())
    return Fail(environment_error(Code::cancelled, repository.string() + ": its packs are not merged now"));
  SLUICE_DO(std::move(written));
  SLUICE_DO(sync_files(folder));
  return replaced;
}

Result<std::vector<fs::path>> Objects::pack_only(const fs::path& repository, const fs::path& folder,
                                                 const std::vector<Oid>& objects) {
  SLUICE_TRY(library, libgit2());
  SLUICE_TRY(packs, list_packs(repository));
  std::vector<git_oid> oids(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i)
    if (library->oid_fromstr(&oids[i], objects[i].c_str()) != 0)
      return Fail(internal_error(Code::invalid_argument, "`" + objects[i] + "` is not a git object's name"));
  auto* const brake = new Brake(std::stop_token());
  SLUICE_TRY(opened, Opened::open(*library, repository, &brake->backend));
  SLUICE_DO(opened->write_pack(oids, folder));
  SLUICE_DO(sync_files(folder));
  std::vector<fs::path> replaced;
  for (auto& pack : packs) replaced.push_back(std::move(pack.path));
  return replaced;
}

Result<bool> Objects::replace_packs(const fs::path& repository, const fs::path& folder,
                                    const std::vector<fs::path>& replaced) {
  for (const auto& pack : replaced)
    if (!os::exists(pack) || !os::exists(index_of(pack))) return false;
  SLUICE_TRY(made, os::list_directory(folder));
  SLUICE_DO(move_pack(folder, repository));
  // Readers that have an old pack open continue to use it; others that look for it later scan the folder
  // again, and find the new one. The index last: without it, nobody would know what to remove.
  for (const auto& pack : replaced) {
    // A pack is named by a digest of its bytes: this is the new one.
    if (std::ranges::find(made, pack.filename().string(), &os::DirectoryEntry::name) != made.end()) continue;
    SLUICE_DO(os::remove_tree(pack));
    SLUICE_DO(os::remove_tree(index_of(pack)));
  }
  // What one left that was killed between these two.
  SLUICE_TRY(entries, os::list_directory(packs_folder(repository)));
  for (const auto& entry : entries) {
    auto file = packs_folder(repository) / entry.name;
    if (entry.name.ends_with(".idx") && !os::exists(fs::path(file).replace_extension(".pack")))
      SLUICE_DO(os::remove_tree(file));
  }
  return true;
}

}  // namespace sluice::stores::git
