#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/os/files.hpp"

namespace sluice::os {
namespace {

namespace fs = std::filesystem;

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

constexpr std::chrono::hours abandoned_after{24};

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/// Descends by descriptors: a folder that is replaced by a symlink meanwhile does not lead out of the tree.
class Remover {
 public:
  void remove_entry(int parent, const char* name, const fs::path& path) {
    // Most entries are files: for a folder the kernel returns EISDIR (Linux), and nothing has been followed.
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) return note(path);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES && errno != EPERM) return note(path);
    if (!empty_folder(parent, name, path)) return;
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) note(path);
  }
  std::optional<Error> first;

 private:
  void note(const fs::path& path) {
    const int number = errno;
    if (!first) first = system_error("remove " + path.string(), number);
  }
  bool empty_folder(int parent, const char* name, const fs::path& path) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0) fd = openat(parent, name, flags);
    if (fd < 0) {
      note(path);
      return false;
    }
    struct stat info{};
    if (fstat(fd, &info) == 0 && (info.st_mode & S_IWUSR) == 0) fchmod(fd, 0700);
    Dir dir(fdopendir(fd));
    if (!dir) {
      note(path);
      close(fd);
      return false;
    }
    std::vector<std::string> names;
    while (const auto* entry = readdir(dir.get()))
      if (!is_dots(entry->d_name)) names.emplace_back(entry->d_name);
    for (const auto& inner : names) remove_entry(dirfd(dir.get()), inner.c_str(), path / inner);
    return true;
  }
};

DirectoryEntry::Kind kind_of(int fd, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG: return DirectoryEntry::Kind::file;
    case DT_DIR: return DirectoryEntry::Kind::directory;
    case DT_LNK: return DirectoryEntry::Kind::symlink;
    case DT_UNKNOWN: break;
    default: return DirectoryEntry::Kind::other;
  }
  struct stat info{};
  if (fstatat(fd, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return DirectoryEntry::Kind::other;
  if (S_ISREG(info.st_mode)) return DirectoryEntry::Kind::file;
  if (S_ISDIR(info.st_mode)) return DirectoryEntry::Kind::directory;
  return S_ISLNK(info.st_mode) ? DirectoryEntry::Kind::symlink : DirectoryEntry::Kind::other;
}

}  // namespace

Result<void> remove_tree(const fs::path& path) {
  Remover remover;
  remover.remove_entry(AT_FDCWD, path.c_str(), path);
  if (remover.first) return Fail(std::move(*remover.first));
  return {};
}

Result<void> remove_abandoned(const fs::path& folder, Time now, std::string_view prefix) {
  SLUICE_TRY(entries, list_directory(folder));
  const auto oldest =
      std::chrono::floor<std::chrono::seconds>(now - abandoned_after).time_since_epoch().count();
  Result<void> result;
  for (const auto& entry : entries) {
    const auto path = folder / entry.name;
    struct stat info{};
    if (!entry.name.starts_with(prefix) || lstat(path.c_str(), &info) != 0 || info.st_mtim.tv_sec >= oldest)
      continue;
    if (auto removed = remove_tree(path); !removed && result) result = std::move(removed);
  }
  return result;
}

Result<std::vector<DirectoryEntry>> list_directory(const fs::path& path) {
  Dir dir(opendir(path.c_str()));
  if (!dir) return Fail(system_error("list " + path.string(), errno));
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const auto* entry = readdir(dir.get());
    if (entry == nullptr) break;
    if (!is_dots(entry->d_name))
      entries.push_back({.kind = kind_of(dirfd(dir.get()), *entry), .name = entry->d_name});
  }
  if (errno != 0) return Fail(system_error("list " + path.string(), errno));
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::vector<fs::path> open{fs::path()};
  while (!open.empty()) {
    const auto relative = std::move(open.back());
    open.pop_back();
    const auto entries = list_directory(relative.empty() ? folder : folder / relative);
    if (!entries && entries.error().code == Code::not_found) continue;  // missing, or removed meanwhile
    if (!entries) return Fail(entries.error());
    for (const auto& entry : *entries) {
      auto path = relative / entry.name;
      (entry.kind == DirectoryEntry::Kind::directory ? open : files).push_back(std::move(path));
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace sluice::os
