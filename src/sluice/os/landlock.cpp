#include "sluice/os/landlock.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::os {
namespace {

// Declared here: the headers of an older system lack what a newer kernel knows.
enum Right : std::uint64_t {
  execute = 1U << 0,
  write_file = 1U << 1,
  read_file = 1U << 2,
  read_dir = 1U << 3,
  remove_dir = 1U << 4,
  remove_file = 1U << 5,
  make_char = 1U << 6,
  make_dir = 1U << 7,
  make_reg = 1U << 8,
  make_sock = 1U << 9,
  make_fifo = 1U << 10,
  make_block = 1U << 11,
  make_sym = 1U << 12,
  refer = 1U << 13,      // version 2
  truncate = 1U << 14,   // version 3
  ioctl_dev = 1U << 15,  // version 5
};
constexpr std::uint64_t first_rights = refer - 1;
constexpr std::uint64_t for_files = execute | write_file | read_file | truncate | ioctl_dev;
constexpr std::uint64_t for_reading = read_file | read_dir;
constexpr std::uint64_t for_writing =
    for_reading | write_file | make_reg | make_dir | remove_file | remove_dir | truncate;

struct Attributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  // version 4: bind, connect
  std::uint64_t scopes = 0;   // version 6: abstract sockets, signals
};
struct PathRule {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
} __attribute__((packed));
constexpr int rule_of_path = 1;
constexpr unsigned ask_for_version = 1;

std::uint64_t rights_of(Landlock::Access access) {
  switch (access) {
    case Landlock::Access::read: return for_reading;
    case Landlock::Access::write: return for_writing;
    case Landlock::Access::execute: return for_reading | execute;
    case Landlock::Access::full: return ~std::uint64_t{0};
  }
  return 0;
}

}  // namespace

int Landlock::version() {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_for_version);
  return version > 0 ? static_cast<int>(version) : 0;
}

Result<Landlock> Landlock::make(Network network) {
  const int known = version();
  if (known == 0) return Fail(environment_error(Code::unavailable, "the kernel has no Landlock"));
  Attributes attributes{.files = first_rights};
  std::size_t size = sizeof(std::uint64_t);
  if (known >= 2) attributes.files |= refer;
  if (known >= 3) attributes.files |= truncate;
  if (known >= 4) {
    attributes.network = network == Network::refused ? 0b11 : 0;
    size = 2 * sizeof(std::uint64_t);
  }
  if (known >= 5) attributes.files |= ioctl_dev;
  if (known >= 6) {
    attributes.scopes = 0b11;
    size = sizeof attributes;
  }
  UniqueFd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!rules) return Fail(system_error("make rules of Landlock", errno));
  return Landlock(std::move(rules), attributes.files);
}

Result<void> Landlock::allow(const std::filesystem::path& path, Access access) {
  const UniqueFd opened(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!opened && (errno == ENOENT || errno == ENOTDIR)) return {};
  struct stat about{};
  if (!opened || ::fstat(opened.get(), &about) != 0)
    return Fail(system_error("open " + printable(path), errno));
  auto rights = rights_of(access) & handled_;
  if (!S_ISDIR(about.st_mode)) rights &= for_files;
  const PathRule rule{.allowed = rights, .parent = opened.get()};
  if (::syscall(SYS_landlock_add_rule, rules_.get(), rule_of_path, &rule, 0) != 0)
    return Fail(system_error("allow " + printable(path), errno));
  return {};
}

Result<void> Landlock::restrict_thread() {
  if (::syscall(SYS_landlock_restrict_self, rules_.get(), 0) != 0)
    return Fail(system_error("restrict access to files", errno));
  return {};
}

}  // namespace sluice::os
