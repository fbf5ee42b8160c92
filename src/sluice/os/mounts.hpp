#pragma once

/// Mounts, for a child between fork and exec: system calls only, no allocation, no locks. Each returns 0 or
/// an errno.
namespace sluice::os {

/// In a new mount namespace (CLONE_NEWNS): nothing that is mounted from now on is visible outside.
int make_mounts_private();

/// Bind-mounts `source` (a file or a folder) read-only at `target`, which must exist and be of the same form.
/// Not even root can write through it.
int bind_read_only(const char* source, const char* target);

}  // namespace sluice::os
