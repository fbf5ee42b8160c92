#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "sluice/os/files.hpp"

/// Unix stream sockets, blocking unless asked for otherwise. A path may be longer than the 107 bytes of a
/// socket's address.
namespace sluice::os {

/// Replaces a socket file that is there. `mode` is set before anybody can connect.
Result<UniqueFd> listen_unix(const std::filesystem::path& path, mode_t mode = 0600);
/// Code::not_found where there is no socket file, Code::unavailable where nobody listens.
Result<UniqueFd> connect_unix(const std::filesystem::path& path);
Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

/// At least `least` bytes, at most `into.size()`: what there is, in as few system calls as may be. Answers
/// how many. Errors as read_exact.
Result<std::size_t> read_some(int fd, std::span<std::byte> into, std::size_t least);
/// Exactly `into.size()` bytes. Code::unavailable where the other end closed before.
Result<void> read_exact(int fd, std::span<std::byte> into);
/// All of `bytes`; a closed other end is an error, never a signal.
Result<void> write_all(int fd, std::string_view bytes);
/// Both, one after the other: where there is room, in one system call, so that the other end wakes once.
Result<void> write_all(int fd, std::string_view first, std::string_view second);

Result<void> set_nonblocking(int fd);

/// The user at the other end.
Result<uid_t> peer_user(int fd);

}  // namespace sluice::os
