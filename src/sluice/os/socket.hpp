#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "sluice/os/files.hpp"

/// Unix stream sockets, blocking unless set otherwise. A path may be longer than the 107 bytes of a
/// socket's address.
namespace sluice::os {

/// Replaces an existing socket file. `mode` is set before any process can connect.
Result<UniqueFd> listen_unix(const std::filesystem::path& path, mode_t mode = 0600);
/// Code::not_found if there is no socket file, Code::unavailable if no process listens.
Result<UniqueFd> connect_unix(const std::filesystem::path& path);
Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

/// Reads at least `least` bytes, at most `into.size()`: what is available, in as few system calls as
/// possible. Returns the number of bytes. Fails as read_exact does.
Result<std::size_t> read_some(int fd, std::span<std::byte> into, std::size_t least);
/// Reads exactly `into.size()` bytes. Code::unavailable if the other end closes before.
Result<void> read_exact(int fd, std::span<std::byte> into);
/// Writes all of `bytes`; a closed other end is an error, never a signal.
Result<void> write_all(int fd, std::string_view bytes);
/// Writes both, one after the other: in one system call if the socket's buffer permits, so that the other end
/// wakes once.
Result<void> write_all(int fd, std::string_view first, std::string_view second);

Result<void> set_nonblocking(int fd);

/// The user at the other end.
Result<uid_t> peer_user(int fd);

}  // namespace sluice::os
