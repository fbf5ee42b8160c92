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
  std::string blob;  ///< what git holds: the bytes, or a pointer
};

/// What a version is made of, as git will hold it, `.gitattributes` included.
struct Content {
  std::vector<ContentFile> files;
  std::vector<Digest> objects;  ///< that the pointers name
};

/// Reads a folder, and puts its large files into the store. Refuses, naming it, what a model's repository
/// cannot hold or cannot hold safely.
Result<Content> read_content(const std::filesystem::path& folder, ports::ObjectStore& store);

/// Writes the files as trees; answers the root.
Result<Oid> write_tree(Objects& objects, const std::vector<ContentFile>& files);

/// One file of a version.
struct TreeBlob {
  std::string path;
  TreeEntry::Mode mode = TreeEntry::Mode::file;
  Oid oid;
};
/// Every file below a root, in git's order. Refuses symlinks and submodules.
Result<std::vector<TreeBlob>> list_blobs(const Objects& objects, const Oid& root);

/// Equal for two trees that differ in nothing but files named in `incidental`.
Result<std::string> essence_of(const Objects& objects, const Oid& root,
                               const std::vector<std::string>& incidental);

}  // namespace sluice::stores::git
