#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/digest.hpp"

namespace sluice::stores::directory {

/// A `build.bazel.remote.execution.v2.Directory`: one folder, its children by digest.
struct Message {
  struct File {
    std::string name;
    Digest digest;
    std::int64_t size = 0;
    bool executable = false;
    bool operator==(const File&) const = default;
  };
  struct Folder {
    std::string name;
    Digest digest;          ///< of the child's own message …
    std::int64_t size = 0;  ///< … and the length of that message
    bool operator==(const Folder&) const = default;
  };
  struct Symlink {
    std::string name;
    std::string target;
    bool operator==(const Symlink&) const = default;
  };
  std::vector<File> files;
  std::vector<Folder> folders;
  std::vector<Symlink> symlinks;
  bool operator==(const Message&) const = default;
};

/// The canonical bytes: children sorted by name. Refuses names that are not a single UTF-8 path segment, and
/// duplicate names.
Result<std::string> encode(Message message);
/// Canonical bytes only, so that equal folders have equal digests: decode, then encode, is the identity.
Result<Message> decode(std::string_view bytes);

/// Whether the target of a symlink `depth` folders below the root is inside the root, whatever other symlinks
/// exist. `..` is accepted at the front only: after a name it could step out of a folder that is itself a
/// symlink.
bool stays_inside(std::string_view target, std::size_t depth);

}  // namespace sluice::stores::directory
