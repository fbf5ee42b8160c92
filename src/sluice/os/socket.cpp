#include "sluice/os/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

Result<std::size_t> read_some(int fd, std::span<std::byte> into, std::size_t least) {
  std::size_t got = 0;
  while (got < least) {
    const ssize_t n = recv(fd, into.data() + got, into.size() - got, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      // A reader that is blocked in read() is also woken whenever the other end has read what this end wrote.
      pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
      poll(&readable, 1, -1);
      continue;
    }
    if (n < 0) return Fail(system_error("read from the connection", errno));
    if (n == 0) return Fail(environment_error(Code::unavailable, "the other end closed the connection"));
    got += static_cast<std::size_t>(n);
  }
  return got;
}

Result<void> read_exact(int fd, std::span<std::byte> into) {
  SLUICE_DO(read_some(fd, into, into.size()));
  return {};
}

Result<void> write_all(int fd, std::string_view bytes) { return write_all(fd, bytes, {}); }

Result<void> write_all(int fd, std::string_view first, std::string_view second) {
  while (!first.empty() || !second.empty()) {
    // sendmsg does not modify them.
    std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                               iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(system_error("write to the connection", errno));
    const auto sent = static_cast<std::size_t>(n);
    const auto of_first = std::min(sent, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(sent - of_first);
  }
  return {};
}

Result<void> set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return Fail(system_error("set a connection to non-blocking", errno));
  return {};
}

Result<uid_t> peer_user(int fd) {
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
    return Fail(system_error("get the user of the other end", errno));
  return who.uid;
}

}  // namespace sluice::os
