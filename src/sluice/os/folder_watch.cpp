#include "sluice/os/folder_watch.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/inotify.h>
#include <unistd.h>

namespace sluice::os {

Result<FolderWatch> FolderWatch::begin(const std::filesystem::path& folder) {
  UniqueFd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return Fail(system_error("watch " + printable(folder), errno));
  constexpr std::uint32_t wanted =
      IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (inotify_add_watch(fd.get(), folder.c_str(), wanted) < 0) {
    // ENOSPC means here that this user has no watch left, not that a disk is full.
    if (errno == ENOSPC)
      return Fail(environment_error(Code::exhausted,
                                    "watch " + printable(folder) + ": too many folders are watched"));
    return Fail(system_error("watch " + printable(folder), errno));
  }
  return FolderWatch(std::move(fd));
}

std::optional<std::vector<std::string>> FolderWatch::changes() {
  constexpr std::uint32_t lost = IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;
  std::vector<std::string> out;
  alignas(struct inotify_event) std::array<char, std::size_t{16} << 10> buffer{};
  for (;;) {
    const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return out;
    if (got <= 0) return std::nullopt;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      struct inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if ((event.mask & lost) != 0) return std::nullopt;
      // The name is padded with zeros.
      if (event.len > 0) out.emplace_back(buffer.data() + at + sizeof event);
      at += sizeof event + event.len;
    }
  }
}

}  // namespace sluice::os
