#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "sluice/os/files.hpp"

namespace sluice::os {
namespace {

constexpr std::size_t holder_bytes_max = 4096;

/// True: the lock is ours now.
Result<bool> try_lock(int fd, const std::filesystem::path& path) {
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    return Fail(system_error("lock " + path.string(), errno));
  }
  return true;
}

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& path, std::string_view holder) {
  SLUICE_TRY(fd, open_file(path, O_RDWR | O_CREAT, 0644));
  SLUICE_TRY(ours, try_lock(fd.get(), path));
  if (!ours) {
    auto who = read_all(fd.get(), holder_bytes_max);
    std::string name = who ? *who : std::string();
    while (!name.empty() && name.back() == '\n') name.pop_back();
    return Fail(user_error(Code::failed_precondition,
                           path.string() + ": held by " + (name.empty() ? "another process" : name)));
  }
  if (ftruncate(fd.get(), 0) != 0) return Fail(system_error("write " + path.string(), errno));
  SLUICE_DO(write_fd(fd.get(), std::string(holder) + "\n"));
  return FileLock(std::move(fd));
}

Result<std::optional<std::string>> FileLock::holder_of(const std::filesystem::path& path) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd && fd.error().code == Code::not_found) return std::nullopt;
  if (!fd) return Fail(std::move(fd).error());
  // A shared lock is granted unless somebody holds the exclusive one; it goes with `fd`.
  if (flock(fd->get(), LOCK_SH | LOCK_NB) == 0) return std::nullopt;
  SLUICE_TRY(name, read_all(fd->get(), holder_bytes_max));
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return std::optional(std::move(name));
}

}  // namespace sluice::os
