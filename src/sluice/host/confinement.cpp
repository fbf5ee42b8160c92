#include "sluice/host/confinement.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/host/allowed_calls.hpp"
#include "sluice/os/landlock.hpp"

namespace sluice::host {

Value Confinement::to_value() const {
  Struct out;
  out.set("no_new_privileges", no_new_privileges_);
  out.set("landlock", landlock_);
  out.set("seccomp", seccomp_);
  return out;
}

std::uint64_t Confinement::memory_max() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const auto machine = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  rlimit given{};
  return ::getrlimit(RLIMIT_DATA, &given) == 0 ? std::min<std::uint64_t>(machine, given.rlim_cur) : machine;
}

#if SLUICE_CONFINES_HOSTS
namespace {

constexpr rlim_t gib = rlim_t{1} << 30;
constexpr rlim_t descriptors_max = 64;

/// A host of root has the rights of root's files, and nothing else of root.
Result<void> drop_capabilities() {
  if (::geteuid() != 0) return {};
  // Where this is not permitted, it is not needed either: nothing is executed.
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) {
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, nothing) != 0) return Fail(system_error("drop capabilities", errno));
  return {};
}

rlim_t bytes_in(const std::filesystem::path& folder) {
  rlim_t bytes = 0;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code unknown;
    if (const auto size = at->file_size(unknown); !unknown) bytes += size;
  }
  return bytes;
}

/// Memory that is not shared: that of a compiled base, of requests of 256 MiB each, of learning from 100,000
/// pictures. A machine with more memory may learn from more.
rlim_t data_bytes_max(rlim_t base_bytes) {
  constexpr rlim_t for_a_core = rlim_t{16} << 20;
  const auto pages = std::max(0L, ::sysconf(_SC_PHYS_PAGES));
  const auto half = static_cast<rlim_t>(pages) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) / 2;
  return std::max(4 * gib, half) + 8 * base_bytes + for_a_core * std::thread::hardware_concurrency();
}

Result<void> limit(int resource, rlim_t most) {
  rlimit given{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &given) != 0)
    return Fail(system_error("read a limit", errno));
  most = std::min(most, given.rlim_max);
  given = {.rlim_cur = most, .rlim_max = most};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &given) != 0)
    return Fail(system_error("set a limit", errno));
  return {};
}

Result<void> limit_resources(const HostFolders& folders) {
  const auto base_bytes = bytes_in(folders.base);
  for (const auto& [resource, most] :
       std::initializer_list<std::pair<int, rlim_t>>{{RLIMIT_CORE, 0},
                                                     {RLIMIT_MEMLOCK, 0},
                                                     {RLIMIT_MSGQUEUE, 0},
                                                     {RLIMIT_NOFILE, descriptors_max},
                                                     {RLIMIT_FSIZE, gib + 2 * base_bytes},
                                                     {RLIMIT_DATA, data_bytes_max(base_bytes)}})
    SLUICE_DO(limit(resource, most));
  return {};
}

/// Returns the version of Landlock; 0: the kernel has none.
Result<int> restrict_files(const HostFolders& folders) {
  auto rules = os::Landlock::make();
  if (!rules && rules.error().code == Code::unavailable) return 0;
  if (!rules) return Fail(std::move(rules).error());
  using Access = os::Landlock::Access;
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  for (const auto& path :
       {program.parent_path().parent_path() / "lib",  // OpenVINO loads its parts when they are wanted
        std::filesystem::path("/usr/lib"), std::filesystem::path("/usr/local/lib"),
        std::filesystem::path("/lib"), std::filesystem::path("/lib64"),
        std::filesystem::path("/etc/ld.so.cache"), std::filesystem::path("/etc/ssl/openssl.cnf"),
        // Without these, OpenVINO waits for ever when it counts the processors.
        std::filesystem::path("/sys/devices/system/cpu"), std::filesystem::path("/sys/devices/system/node"),
        std::filesystem::path("/proc/cpuinfo"), std::filesystem::path("/proc/sys/vm/overcommit_memory"),
        folders.base, folders.compiled})
    if (!path.empty()) SLUICE_DO(rules->allow(path, Access::read));
  if (!folders.scratch.empty()) SLUICE_DO(rules->allow(folders.scratch, Access::write));
  SLUICE_DO(rules->restrict_thread());
  return os::Landlock::version();
}

}  // namespace

Result<Confinement> Confinement::begin(const HostFolders& folders, UnknownCalls unknown) {
  Confinement out;
  out.unknown_ = unknown;
  ::signal(SIGXFSZ, SIG_IGN);  // a file that gets too long is one that cannot be written
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Fail(system_error("give up new privileges", errno));
  out.no_new_privileges_ = true;
  SLUICE_DO(drop_capabilities());
  SLUICE_DO(limit_resources(folders));
  SLUICE_TRY(version, restrict_files(folders));
  out.landlock_ = version;
  if (const auto filtered = allow_calls_of_a_host(unknown); filtered)
    out.seccomp_ = 1;
  else if (filtered.error().code == Code::unavailable)
    log::warning(filtered.error().message + ": a picture that takes over this host may do what its user may");
  else
    return Fail(filtered.error());
  return out;
}

Result<void> Confinement::open_no_more() {
  if (seccomp_ != 1) return {};
  SLUICE_DO(take_away_paths(unknown_));
  seccomp_ = 2;
  return {};
}

#else

Result<Confinement> Confinement::begin(const HostFolders& /*folders*/, UnknownCalls unknown) {
  // The environment that the server gives is empty; without this, TBB loads a library in a way that
  // AddressSanitizer rejects.
  ::setenv("TBB_ENABLE_SANITIZERS", "1", 1);  // NOLINT(concurrency-mt-unsafe): no other thread
  Confinement out;
  out.unknown_ = unknown;
  return out;
}
Result<void> Confinement::open_no_more() { return {}; }

#endif

}  // namespace sluice::host
