#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "sluice/app/doctor/checks.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

constexpr std::uint16_t default_port = 8080;

/// The folder itself, or its nearest existing ancestor.
std::filesystem::path nearest_existing(std::filesystem::path path) {
  std::error_code none;
  while (!std::filesystem::exists(path, none) && path.has_relative_path()) path = path.parent_path();
  return path;
}

struct FileSystem {
  long type;
  const char* name;
};
constexpr long xfs_magic = 0x58465342;
constexpr long smb_magic = 0xfe534d42;
constexpr long zfs_magic = 0x2fc12fc1;
constexpr std::array file_systems{
    FileSystem{EXT4_SUPER_MAGIC, "ext4"},         FileSystem{xfs_magic, "xfs"},
    FileSystem{BTRFS_SUPER_MAGIC, "btrfs"},       FileSystem{zfs_magic, "zfs"},
    FileSystem{OVERLAYFS_SUPER_MAGIC, "overlay"}, FileSystem{TMPFS_MAGIC, "tmpfs"},
    FileSystem{NFS_SUPER_MAGIC, "nfs"},           FileSystem{smb_magic, "smb"},
    FileSystem{FUSE_SUPER_MAGIC, "fuse"},         FileSystem{V9FS_MAGIC, "9p"}};

/// How long it takes to sync one small write to the disk: the median of several.
Result<std::chrono::microseconds> sync_time(const std::filesystem::path& folder) {
  SLUICE_TRY(scratch, os::TemporaryDirectory::make(folder, ".sluice-doctor-"));
  SLUICE_TRY(file, os::open_file(scratch.path() / "sync", O_RDWR | O_CREAT | O_EXCL));
  const std::string page(4096, 'x');
  std::array<std::chrono::microseconds, 9> times{};
  for (auto& time : times) {
    const auto started = std::chrono::steady_clock::now();
    SLUICE_DO(os::write_fd(file.get(), page));
    if (::fsync(file.get()) != 0) return Fail(system_error("sync a file in " + folder.string(), errno));
    time = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

/// 0, or the errno of binding to this port on the loopback address.
int bind_loopback(std::uint16_t port) {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

}  // namespace

Finding check_data_folder(const DataFolder& data) {
  const auto existing = nearest_existing(data.root);
  const auto root = data.root.string();
  if (std::error_code unknown; !std::filesystem::is_directory(existing, unknown))
    return fails("data folder", existing.string() + " is not a folder",
                 "set another with --data or SLUICE_DATA");
  if (const auto probe = os::TemporaryDirectory::make(existing, ".sluice-doctor-"); !probe)
    return fails("data folder", root + ": " + probe.error().message,
                 "set another with --data or SLUICE_DATA, or fix its permissions");
  if (existing != data.root) return works("data folder", root + ", to be created by the first command");
  if (!os::exists(data.lock())) return works("data folder", root + ", not used yet");
  const auto holder = os::FileLock::holder_of(data.lock());
  if (!holder)
    return fails("data folder", root + ": " + holder.error().message,
                 "its lock must be readable; fix its permissions");
  if (!*holder) return works("data folder", root + ", not in use");
  const auto server = running_server(data);
  if (server && *server)
    return works("data folder", fmt::format("{}, held by {} at {}", root, **holder, (*server)->url));
  return limited("data folder", fmt::format("{}, held by {}", root, **holder),
                 "other commands must wait until that has ended");
}

Finding check_disk(const DataFolder& data) {
  const auto existing = nearest_existing(data.root);
  struct statfs system{};
  if (::statfs(existing.c_str(), &system) != 0)
    return fails("disk", existing.string() + ": " + std::strerror(errno), "set another folder with --data");
  const auto known = std::ranges::find(file_systems, static_cast<long>(system.f_type), &FileSystem::type);
  const std::string type = known == file_systems.end() ? "unknown file system" : known->name;
  const auto free = os::free_bytes(existing);
  const auto sync = sync_time(existing);
  if (!free) return fails("disk", free.error().message, "set another folder with --data");
  if (!sync) return fails("disk", sync.error().message, "set another folder with --data");
  const auto found = fmt::format("{}, {} free, {:.2f} ms to sync a write", type, human_bytes(*free),
                                 static_cast<double>(sync->count()) / 1000);
  constexpr std::uint64_t little = std::uint64_t{1} << 30;
  constexpr auto slow = std::chrono::milliseconds(50);
  if (type == "nfs" || type == "smb")
    return limited("disk", found,
                   "locks and databases are not safe on every network file system; keep the data folder on a "
                   "disk of this machine");
  if (type == "tmpfs")
    return limited("disk", found,
                   "this folder is in memory: its content is lost when the machine shuts down");
  if (*free < little) return limited("disk", found, "runs fail when the disk is full; free some space");
  if (*sync > slow) return limited("disk", found, "each end of a run and each new version waits for a sync");
  return works("disk", found);
}

Finding check_port(const DataFolder& data) {
  const auto address = fmt::format("127.0.0.1:{}", default_port);
  if (const auto refused = bind_loopback(0); refused != 0)
    return fails("port", fmt::format("cannot listen on 127.0.0.1: {}", std::strerror(refused)),
                 "servers and clients need the loopback network");
  const auto refused = bind_loopback(default_port);
  if (refused == 0) return works("port", address + " is free");
  const auto server = running_server(data);
  if (server && *server && (*server)->url == "http://" + address)
    return works("port", address + " is that of the data folder's server");
  return limited("port",
                 fmt::format("{}: {}", address,
                             refused == EADDRINUSE ? "in use by another program" : std::strerror(refused)),
                 "`sluice up --listen 127.0.0.1:0` picks a free port");
}

}  // namespace sluice::app
