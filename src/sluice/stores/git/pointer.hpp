#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/digest.hpp"

namespace sluice::stores::git {

/// What git holds in place of a large file: a git-lfs pointer.
struct Pointer {
  Digest digest;
  std::int64_t size = 0;
  bool operator==(const Pointer&) const = default;
};

std::string write_pointer(const Pointer& pointer);
/// nullopt unless the bytes are exactly a pointer.
std::optional<Pointer> read_pointer(std::string_view bytes);

}  // namespace sluice::stores::git
