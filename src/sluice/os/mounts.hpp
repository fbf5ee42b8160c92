#pragma once

/// For a child between fork and exec: system calls only, no memory, no locks. Each answers 0 or an errno.
namespace sluice::os {

/// In a new mount namespace (CLONE_NEWNS): nothing that is mounted from here on is seen outside.
int make_mounts_private();

/// Shows `source` (a file or a folder) at `target`, which must exist and be of the same form, so that nobody
/// can write through it: not even root.
int bind_read_only(const char* source, const char* target);

}  // namespace sluice::os
