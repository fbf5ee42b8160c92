#include "sluice/stores/directory/discardable_folders.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <set>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sluice/os/files.hpp"
#include "sluice/stores/directory/renewals.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;
using Kind = os::DirectoryEntry::Kind;

Result<std::vector<os::DirectoryEntry>> entries_of(const fs::path& folder) {
  if (!os::exists(folder)) return std::vector<os::DirectoryEntry>();
  return os::list_directory(folder);
}

/// Files with several links, which are counted once.
using Linked = std::set<std::pair<dev_t, ino_t>>;

Result<void> add_room(const fs::path& path, ports::Room& room, Linked& linked, int depth) {
  constexpr int depth_max = 200;
  SLUICE_TRY(entries, entries_of(path));
  for (const auto& entry : entries) {
    struct stat info{};
    // It may be removed meanwhile.
    if (lstat((path / entry.name).c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode) && depth < depth_max) {
      if (const auto added = add_room(path / entry.name, room, linked, depth + 1);
          !added && os::exists(path / entry.name))
        return Fail(added.error());
    } else if (info.st_nlink == 1 || (info.st_nlink > 1 && linked.emplace(info.st_dev, info.st_ino).second)) {
      ++room.things;
      room.bytes += info.st_size;
    }
  }
  return {};
}

/// The latest of the times at which it was read (as far as the file system records that) and written.
Time used_at(const struct stat& info) {
  const Time read(std::chrono::duration_cast<Milliseconds>(std::chrono::seconds(info.st_atim.tv_sec)));
  return std::max(read, directory::modified_at(info));
}

/// The part that all folders have in common. `members` are the files that tell when a thing was used; none:
/// it is its own time.
class Folder final : public ports::DiscardableFolder {
 public:
  struct Shape {
    std::string_view kind;
    std::vector<std::string> parents;  ///< below the folder; "*": each folder there
    std::string suffix = {};           ///< of the names of things
    std::vector<std::string> members = {};
    std::string lock = {};  ///< this member is locked by a process that uses the thing
  };
  Folder(fs::path folder, fs::path trash, Shape shape)
      : folder_(std::move(folder)), trash_(std::move(trash)), shape_(std::move(shape)) {}

  [[nodiscard]] std::string_view kind() const override { return shape_.kind; }

  Result<void> each(const std::function<Result<void>(const Thing&)>& take) const override {
    return each_below("", 0, take);
  }

  Result<bool> remove(const Thing& thing) override {
    const auto path = folder_ / thing.name;
    std::optional<os::UniqueFd> lock;
    if (!shape_.lock.empty())
      if (auto fd = os::open_file(path / shape_.lock, O_RDONLY)) {
        if (flock(fd->get(), LOCK_EX | LOCK_NB) != 0) return false;
        lock = std::move(*fd);
      }
    SLUICE_DO(os::make_directories(trash_));
    SLUICE_TRY(away, os::TemporaryDirectory::make(trash_, "swept-"));
    const auto moved = away.path() / "thing";
    if (rename(path.c_str(), moved.c_str()) != 0) {
      if (errno == ENOENT) return false;
      return Fail(system_error("remove " + path.string(), errno));
    }
    // Whoever uses it says so first and looks for it then: it was used before it was moved, or is missing.
    if (used(moved) <= thing.used) return true;
    if (renameat2(AT_FDCWD, moved.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0 && errno != EEXIST)
      return Fail(system_error("keep " + path.string(), errno));
    return false;
  }

 private:
  [[nodiscard]] Time used(const fs::path& path) const {
    Time latest{};
    struct stat info{};
    if (shape_.members.empty()) {
      // A folder is read by listing it; a file, by whoever uses it.
      if (lstat(path.c_str(), &info) == 0)
        latest = S_ISDIR(info.st_mode) ? directory::modified_at(info) : used_at(info);
    }
    for (const auto& member : shape_.members)
      if (lstat((path / member).c_str(), &info) == 0) latest = std::max(latest, used_at(info));
    return latest;
  }

  Result<void> each_below(const std::string& relative, std::size_t level,
                          const std::function<Result<void>(const Thing&)>& take) const {
    const auto joined = [&](const std::string& name) {
      return relative.empty() ? name : relative + "/" + name;
    };
    if (level < shape_.parents.size() && shape_.parents[level] != "*")
      return each_below(joined(shape_.parents[level]), level + 1, take);
    SLUICE_TRY(entries, entries_of(folder_ / relative));
    for (const auto& entry : entries) {
      if (level < shape_.parents.size()) {
        if (entry.kind == Kind::directory) SLUICE_DO(each_below(joined(entry.name), level + 1, take));
        continue;
      }
      if (!entry.name.ends_with(shape_.suffix)) continue;
      const auto path = folder_ / joined(entry.name);
      Thing thing{.name = joined(entry.name), .bytes = 0, .used = used(path)};
      if (entry.kind == Kind::directory) {
        SLUICE_TRY(room, room_of(path));
        thing.bytes = room.bytes;
      } else if (struct stat info{}; lstat(path.c_str(), &info) == 0) {
        thing.bytes = info.st_size;
      }
      SLUICE_DO(take(thing));
    }
    return {};
  }

  fs::path folder_;
  fs::path trash_;
  Shape shape_;
};

}  // namespace

std::vector<std::unique_ptr<ports::DiscardableFolder>> cache_folders(const fs::path& cache,
                                                                     const fs::path& objects) {
  std::vector<std::unique_ptr<ports::DiscardableFolder>> made;
  for (const auto* copies : {"trees", "files"})
    made.push_back(std::make_unique<Folder>(
        cache, cache / "tmp", Folder::Shape{.kind = "copies of objects", .parents = {copies, "*"}}));
  made.push_back(std::make_unique<Folder>(
      cache, cache / "tmp",
      Folder::Shape{.kind = "compiled models", .parents = {"compiled", "*"}, .suffix = ".blob"}));
  made.push_back(std::make_unique<Folder>(cache, cache / "tmp",
                                          Folder::Shape{.kind = "trials of heads", .parents = {"tried"}}));
  made.push_back(std::make_unique<Folder>(
      cache, cache / "tmp", Folder::Shape{.kind = "sources of fetched files", .parents = {"fetched"}}));
  made.push_back(std::make_unique<Folder>(cache, cache / "tmp",
                                          Folder::Shape{.kind = "features of pictures",
                                                        .parents = {"features"},
                                                        .suffix = "",
                                                        .members = {"index", "rows"},
                                                        .lock = "index"}));
  const auto add_environments = [&](std::string_view kind, std::vector<std::string> parents,
                                    std::string suffix) {
    made.push_back(std::make_unique<Folder>(cache, cache / "tmp",
                                            Folder::Shape{.kind = kind,
                                                          .parents = std::move(parents),
                                                          .suffix = std::move(suffix),
                                                          .members = {"used"},
                                                          .lock = "used"}));
  };
  add_environments("Python environments", {"environments", "made"}, "");
  add_environments("Python packages", {"environments"}, "wheels");
  made.push_back(std::make_unique<Folder>(
      cache, cache / "tmp",
      Folder::Shape{.kind = "versions of Python packages", .parents = {"environments", "locks"}}));
  made.push_back(std::make_unique<Folder>(objects, cache / "tmp",
                                          Folder::Shape{.kind = "damaged objects", .parents = {"damaged"}}));
  return made;
}

std::vector<std::unique_ptr<ports::DiscardableFolder>> folders_of_runs(const fs::path& logs,
                                                                       const fs::path& folders,
                                                                       const fs::path& cache) {
  std::vector<std::unique_ptr<ports::DiscardableFolder>> made;
  made.push_back(std::make_unique<Folder>(logs, cache / "tmp", Folder::Shape{.kind = "logs", .parents = {}}));
  made.push_back(std::make_unique<Folder>(folders, cache / "tmp",
                                          Folder::Shape{.kind = "folders of runs", .parents = {}}));
  return made;
}

Result<ports::Room> room_of(const fs::path& folder) {
  ports::Room room;
  Linked linked;
  SLUICE_DO(add_room(folder, room, linked, 0));
  return room;
}

}  // namespace sluice::stores
