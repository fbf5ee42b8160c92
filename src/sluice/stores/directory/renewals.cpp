#include "sluice/stores/directory/renewals.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sluice::stores::directory {
namespace {

/// Younger ones are not renewed: they are kept for as long anyway.
constexpr std::chrono::seconds renewed_lately{10};

}  // namespace

Time modified_at(const struct stat& status) {
  return Time(std::chrono::duration_cast<Milliseconds>(std::chrono::seconds(status.st_mtim.tv_sec) +
                                                       std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
}

bool Renewals::touch(const std::filesystem::path& file, const Digest& digest) {
  const auto now = clock_.now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const timespec time{.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(now - seconds).count()};
  const timespec times[] = {time, time};
  // Where times cannot be changed, as on a disk that is read-only, nothing is swept either.
  if (utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return false;
  if (sweeping_) renewed_.push_back(digest);
  return true;
}

bool Renewals::renew(const std::filesystem::path& file, const Digest& digest, const struct stat& status) {
  if (modified_at(status) > clock_.now() - renewed_lately) return true;
  const std::scoped_lock lock(mutex_);
  struct stat now{};
  if (stat(file.c_str(), &now) != 0) return false;
  if (modified_at(now) <= limit_ && std::ranges::binary_search(condemned_, digest)) return false;
  return touch(file, digest);
}

bool Renewals::store_again(const std::filesystem::path& file, const Digest& digest) {
  const std::scoped_lock lock(mutex_);
  return touch(file, digest);
}

int Renewals::move(const std::filesystem::path& from, const std::filesystem::path& file) {
  const std::scoped_lock lock(mutex_);
  return rename(from.c_str(), file.c_str()) == 0 ? 0 : errno;
}

void Renewals::begin(Time limit) {
  const std::scoped_lock lock(mutex_);
  sweeping_ = true;
  limit_ = limit;
}

void Renewals::end() {
  const std::scoped_lock lock(mutex_);
  sweeping_ = false;
  condemned_ = {};
  renewed_ = {};
}

std::vector<Digest> Renewals::take_renewed() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(renewed_, {});
}

bool Renewals::condemn(const std::vector<Digest>& digests) {
  const std::scoped_lock lock(mutex_);
  if (!renewed_.empty()) return false;
  condemned_ = digests;
  return true;
}

Result<bool> Renewals::remove(const std::filesystem::path& file) {
  const std::scoped_lock lock(mutex_);
  struct stat now{};
  if (stat(file.c_str(), &now) != 0 || modified_at(now) > limit_) return false;
  if (unlink(file.c_str()) != 0) return Fail(system_error("remove " + file.string(), errno));
  return true;
}

Result<os::UniqueFd> lock_objects(const std::filesystem::path& objects, bool alone) {
  SLUICE_TRY(fd, os::open_file(objects / "sweep.lock", O_RDWR | O_CREAT, 0600));
  if (flock(fd.get(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return Fail(system_error("lock " + objects.string(), errno));
  return Fail(environment_error(
      Code::failed_precondition,
      alone ? "a sweep or a backup of this data folder is under way; try again when it has ended"
            : "a sweep of this data folder is under way; try again when it has ended"));
}

}  // namespace sluice::stores::directory
