#include "sluice/os/socket.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::os {
namespace {

namespace fs = std::filesystem;

/// The address of a socket file. A long path is reached through a descriptor of its folder, which `folder`
/// keeps open.
struct Address {
  sockaddr_un address{};
  UniqueFd folder;
};

Result<Address> address_of(const fs::path& path) {
  Address made;
  made.address.sun_family = AF_UNIX;
  std::string text = path.string();
  if (text.size() >= sizeof made.address.sun_path) {
    SLUICE_TRY(folder, open_file(path.parent_path(), O_PATH | O_DIRECTORY));
    text = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + path.filename().string();
    made.folder = std::move(folder);
  }
  if (text.size() >= sizeof made.address.sun_path)
    return Fail(user_error(Code::invalid_argument, path.string() + ": the name is too long for a socket"));
  std::memcpy(made.address.sun_path, text.data(), text.size());
  return made;
}

Result<UniqueFd> unix_socket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Fail(system_error("make a socket", errno));
  return std::move(fd);
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

Result<UniqueFd> listen_unix(const fs::path& path, mode_t mode) {
  SLUICE_TRY(where, address_of(path));
  SLUICE_TRY(fd, unix_socket());
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return Fail(system_error("replace " + path.string(), errno));
  // The mode of a socket's descriptor, less the umask, becomes that of the file which bind makes.
  if (fchmod(fd.get(), mode) != 0 || bind(fd.get(), generic(where.address), sizeof where.address) != 0)
    return Fail(system_error("make socket " + path.string(), errno));
  if (chmod(path.c_str(), mode) != 0 || listen(fd.get(), SOMAXCONN) != 0)
    return Fail(system_error("listen on " + path.string(), errno));
  return std::move(fd);
}

Result<UniqueFd> connect_unix(const fs::path& path) {
  SLUICE_TRY(where, address_of(path));
  SLUICE_TRY(fd, unix_socket());
  while (connect(fd.get(), generic(where.address), sizeof where.address) != 0) {
    if (errno != EINTR) return Fail(system_error("connect to " + path.string(), errno));
  }
  return std::move(fd);
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return Fail(system_error("make a socket pair", errno));
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<void> read_exact(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t n = read(fd, into.data(), into.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(system_error("read from the connection", errno));
    if (n == 0) return Fail(environment_error(Code::unavailable, "the other end closed the connection"));
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(system_error("write to the connection", errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return Fail(system_error("set up a connection", errno));
  return {};
}

Result<uid_t> peer_user(int fd) {
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
    return Fail(system_error("ask who is connected", errno));
  return who.uid;
}

}  // namespace sluice::os
