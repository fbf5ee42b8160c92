#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/ids.hpp"

namespace sluice::stores::git {

/// Encodes a name as one path segment that every file system and git accept: bytes outside [A-Za-z0-9._-] as
/// %XX, and also a leading `.` or `-`, a `.` beside another, a final `.`, and the `.` of a final `.git` or
/// `.lock`. Over 200 bytes: the first 100 or so, `=`, and the SHA-256 of the name.
std::string encode_name(std::string_view name);
/// The inverse; nullopt for the long form, whose name is stored elsewhere.
std::optional<std::string> decode_name(std::string_view encoded);

/// One line for display: control characters and other white space become blanks; truncated after about 100
/// bytes.
std::string subject_of(std::string_view name);

/// `NAME <NAME@WORKSPACE>`, with nothing in it that git refuses in a commit.
std::string identity_of(const Principal& principal);

/// Whether git, on some system, might take a file of this name for its own folder `.git` or for
/// `.gitmodules`.
bool is_reserved_file_name(std::string_view name);

}  // namespace sluice::stores::git
