#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ports/object_store.hpp"
#include "sluice/stores/git/objects.hpp"

namespace sluice::stores::git {

/// Larger files, and every `*.onnx`, are git-lfs pointers in the tree and objects in the store.
constexpr std::int64_t plain_file_max = 100'000;

struct ContentFile {
  std::string path;
  bool executable = false;
  std::string blob;  ///< what git stores: the bytes, or a pointer
};

/// The content of a version as git will store it, `.gitattributes` included.
struct Content {
  std::vector<ContentFile> files;
  std::vector<Digest> objects;  ///< named by the pointers
};

/// Reads a folder, and stores its large files in the object store. Refuses, naming it, what a model's
/// repository cannot contain, or not safely.
Result<Content> read_content(const std::filesystem::path& folder, ports::ObjectStore& store);

/// The same of files that are in the object store already. No file: a content without any.
Result<Content> stored_content(const std::vector<ports::TreeFile>& files, const ports::ObjectStore& store);
/// That of a version, to be written elsewhere: the same tree.
Result<Content> content_of(const Objects& objects, const Oid& root);

/// Writes the files as trees; returns the root.
Result<Oid> write_tree(Objects& objects, const std::vector<ContentFile>& files);

/// One file of a version.
struct TreeBlob {
  std::string path;
  TreeEntry::Mode mode = TreeEntry::Mode::file;
  Oid oid;
};
/// Every file below a root, in git's order. Refuses symlinks and submodules.
Result<std::vector<TreeBlob>> list_blobs(const Objects& objects, const Oid& root);

/// A key that is equal for two trees that differ only in the files named in `incidental`.
Result<std::string> content_key(const Objects& objects, const Oid& root,
                                const std::vector<std::string>& incidental);

}  // namespace sluice::stores::git
