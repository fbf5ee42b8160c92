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

/// Exactly `into.size()` bytes. Code::unavailable where the other end closed before.
Result<void> read_exact(int fd, std::span<std::byte> into);
/// All of `bytes`; a closed other end is an error, never a signal.
Result<void> write_all(int fd, std::string_view bytes);

Result<void> set_nonblocking(int fd);

/// The user at the other end.
Result<uid_t> peer_user(int fd);

}  // namespace sluice::os
