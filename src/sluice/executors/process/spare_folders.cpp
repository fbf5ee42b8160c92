#include "sluice/executors/process/spare_folders.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::executors {
namespace {

constexpr std::size_t spares_max = 64;
constexpr std::array<std::string_view, 3> parts{"cwd", "tmp", "home"};

/// How many names the folder holds, or -1 if it is not a folder as the executor creates it. `each` is called
/// with every name.
template <typename Each>
int count_names(int parent, const char* name, const Each& each) {
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  const auto close_dir = [](DIR* dir) { closedir(dir); };
  const std::unique_ptr<DIR, decltype(close_dir)> dir(fdopendir(fd), close_dir);
  if (!dir) {
    close(fd);
    return -1;
  }
  struct stat info{};
  if (fstat(fd, &info) != 0 || (info.st_mode & 07777) != 0755 || info.st_uid != geteuid()) return -1;
  int count = 0;
  while (const auto* entry = readdir(dir.get())) {
    const std::string_view found = entry->d_name;
    if (found == "." || found == "..") continue;
    ++count;
    if (!each(fd, entry->d_name)) return -1;
  }
  return count;
}

bool is_pristine(const std::filesystem::path& root) {
  std::size_t folders = 0;
  const auto is_pristine_entry = [&](int fd, const char* name) {
    if (name == SpareFolders::log) {
      struct stat info{};
      return fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
             info.st_size == 0 && info.st_nlink == 1;
    }
    ++folders;
    return std::ranges::find(parts, name) != parts.end() &&
           count_names(fd, name, [](int, const char*) { return false; }) == 0;
  };
  return count_names(AT_FDCWD, root.c_str(), is_pristine_entry) >= 0 && folders == parts.size();
}

}  // namespace

std::filesystem::path SpareFolders::path_of(std::uint64_t number) const {
  return work_ / (std::string(prefix) + std::to_string(number));
}

bool SpareFolders::take(const std::filesystem::path& root) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return false;
    number = free_.back();
    free_.pop_back();
  }
  return rename(path_of(number).c_str(), root.c_str()) == 0;
}

bool SpareFolders::keep(const std::filesystem::path& root) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (free_.size() >= spares_max) return false;
    number = made_++;
  }
  if (!is_pristine(root) || rename(root.c_str(), path_of(number).c_str()) != 0) return false;
  const std::lock_guard lock(mutex_);
  free_.push_back(number);
  return true;
}

}  // namespace sluice::executors
