#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "sluice/base/numbers.hpp"
#include "sluice/os/files.hpp"

namespace sluice::os {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t holder_bytes_max = 4096;
constexpr std::string_view before_pid = ", pid ";
constexpr auto dead_holder_timeout = 5s;
constexpr auto holder_name_timeout = 1s;
constexpr auto poll_interval = 2ms;

/// True: this process holds the lock now.
Result<bool> try_lock(int fd, int kind, const std::filesystem::path& path) {
  while (flock(fd, kind | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    return Fail(system_error("lock " + path.string(), errno));
  }
  return true;
}

/// The holder's name. A process that has just taken the lock writes its name a moment later.
std::string holder_in(int fd) {
  for (auto waited = 0ms; waited < holder_name_timeout; waited += poll_interval) {
    std::string name(holder_bytes_max, 0);
    const ssize_t n = pread(fd, name.data(), name.size(), 0);
    name.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!name.empty() && name.back() == '\n') name.pop_back();
    if (!name.empty()) return name;
    std::this_thread::sleep_for(poll_interval);
  }
  return "another process";
}

bool is_dead(std::string_view holder) {
  const auto at = holder.rfind(before_pid);
  if (at == std::string_view::npos) return false;
  const auto pid = parse_integer<pid_t>(holder.substr(at + before_pid.size()));
  return pid && kill(*pid, 0) != 0 && errno == ESRCH;
}

/// A process that was killed while it forked a child leaves the lock to that child until the child calls
/// exec: the lock of a dead holder is about to become free.
Result<bool> try_lock_past_dead_holder(int fd, int kind, const std::filesystem::path& path) {
  for (auto waited = 0ms; waited < dead_holder_timeout; waited += poll_interval) {
    SLUICE_TRY(ours, try_lock(fd, kind, path));
    if (ours || !is_dead(holder_in(fd))) return ours;
    std::this_thread::sleep_for(poll_interval);
  }
  return false;
}

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& path, std::string_view holder) {
  SLUICE_TRY(fd, open_file(path, O_RDWR | O_CREAT, 0644));
  SLUICE_TRY(ours, try_lock_past_dead_holder(fd.get(), LOCK_EX, path));
  if (!ours)
    return Fail(user_error(Code::failed_precondition, path.string() + ": held by " + holder_in(fd.get())));
  if (ftruncate(fd.get(), 0) != 0) return Fail(system_error("write " + path.string(), errno));
  const auto line = std::string(holder) + std::string(before_pid) + std::to_string(getpid()) + "\n";
  if (auto written = write_fd(fd.get(), line); !written)
    return Fail(std::move(written).error().at(path.string()));
  return FileLock(std::move(fd));
}

Result<std::optional<std::string>> FileLock::holder_of(const std::filesystem::path& path) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd && fd.error().code == Code::not_found) return std::nullopt;
  if (!fd) return Fail(std::move(fd).error());
  // A shared lock is granted unless another process holds the exclusive one; closing `fd` releases it.
  SLUICE_TRY(free, try_lock_past_dead_holder(fd->get(), LOCK_SH, path));
  if (free) return std::nullopt;
  return std::optional(holder_in(fd->get()));
}

}  // namespace sluice::os
