#pragma once
#include <optional>

#include <sys/types.h>

#include "sluice/base/result.hpp"

namespace sluice::net {

/// The user whose process holds the other end of a TCP connection over loopback, as the kernel says
/// (sock_diag(7)); nullopt if it is not over loopback, or if that end is closed. Code::unavailable: the
/// kernel does not say. Does not block. `connection`: the descriptor of this end.
Result<std::optional<uid_t>> user_of_peer(int connection);

/// Code::unavailable: `user_of_peer` will not work on this kernel.
Result<void> check_user_of_peer();

}  // namespace sluice::net
