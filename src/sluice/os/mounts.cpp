#include "sluice/os/mounts.hpp"

#include <cerrno>

#include <sys/mount.h>

namespace sluice::os {

int make_mounts_private() {
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : errno;
}

int bind_read_only(const char* source, const char* target) {
  if (mount(source, target, nullptr, MS_BIND, nullptr) != 0) return errno;
  // The flags of a bind mount take effect only with a remount.
  constexpr unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV;
  return mount(nullptr, target, nullptr, flags, nullptr) == 0 ? 0 : errno;
}

}  // namespace sluice::os
