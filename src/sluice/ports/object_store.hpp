#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sluice/base/digest.hpp"
#include "sluice/base/value.hpp"

namespace sluice::ports {

struct Stored {
  Digest digest;
  std::int64_t size = 0;      ///< bytes in all files
  std::int64_t left_out = 0;  ///< how many of Selection::left_out were there, and are not stored
};

/// One file of a tree whose bytes are already in the store.
struct TreeFile {
  std::string path;  ///< relative, "/" between names
  Digest digest;
  std::int64_t size = 0;
  bool executable = false;
};

/// What is in a directory, for a reader who follows its symlinks. Sorted by path (by bytes).
struct Listing {
  std::vector<TreeFile> files;        ///< also behind symlinks, under the path through the symlink
  std::vector<std::string> folders;   ///< likewise
  std::vector<std::string> dangling;  ///< symlinks that lead nowhere, or in a circle
};

/// Which entries of a folder are stored. By default all: what a task writes is never left out.
struct Selection {
  /// The lines of a .sluiceignore file: glob patterns as in .gitignore (`*`, `?`, `**`, trailing `/`; empty
  /// lines and lines that start with `#` are passed over). Of those that match an entry, the last one
  /// decides; one that begins with `!` keeps it, also against what follows.
  std::vector<std::string> patterns = {};
  bool leftovers = true;  ///< false: without what `is_leftover` names
  /// Relative paths of files and folders that are left out.
  std::unordered_set<std::string> left_out = {};
};

/// An object that is written piece by piece, and hashed meanwhile. Destroyed before `finish`, it leaves
/// nothing. Not thread-safe.
class NewObject {
 public:
  virtual ~NewObject() = default;
  /// Code::exhausted or Code::disk_full before there is no room for more.
  virtual Result<void> append(std::string_view bytes) = 0;
  /// It is in the store now. Called once, as the last call.
  virtual Result<Stored> finish() = 0;
};

/// Immutable objects, addressed by their SHA-256. Thread-safe. Bytes that were changed by other means are
/// detected when they are read (Code::data_loss, which names the object). A directory is its canonical Remote
/// Execution API v2 `Directory` message (sub-directories likewise), each an object.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  /// Storing an object that is there already keeps it as a new one would be kept.
  virtual Result<Stored> put(std::string_view bytes) = 0;
  /// Begins one whose bytes are not known yet.
  virtual Result<std::unique_ptr<NewObject>> begin() = 0;
  /// Copies the file into the store. If `expected` is given, rejects other bytes.
  virtual Result<Stored> put_file(const std::filesystem::path& file, const Digest* expected = nullptr) = 0;
  /// The same for a file that nobody else uses: where that is possible it is moved, and not there any more.
  /// `known`: the digest of its bytes, which the caller has computed.
  virtual Result<Stored> take_file(const std::filesystem::path& file,
                                   const std::optional<Digest>& known = std::nullopt) = 0;
  /// Rejects names that are not UTF-8, symlinks that leave the folder, devices and sockets; the error names
  /// them, in its message and its notes.
  virtual Result<Stored> put_directory(const std::filesystem::path& folder,
                                       const Selection& selection = {}) = 0;
  /// Stores the directory of these files, without reading them again. Code::not_found if the bytes of one are
  /// missing.
  virtual Result<Stored> put_tree(const std::vector<TreeFile>& files) = 0;
  /// What the directory holds, from its messages alone: no file is read, or known to be there.
  [[nodiscard]] virtual Result<Listing> list(const Artifact& directory) const = 0;
  /// Returns once these objects are synced to the disk. `put` alone survives the death of any process, but
  /// not a power failure.
  virtual Result<void> make_durable(const std::vector<Digest>& digests) = 0;
  /// True: the object is there, and so is all that it consists of if it is a directory that this store made;
  /// none of it is swept for an hour from now (ports/storage.hpp). Whoever tells a client that an object is
  /// there has asked this, and so has whoever is about to name it in a journal.
  [[nodiscard]] virtual bool has(const Digest& digest) const = 0;
  [[nodiscard]] virtual Result<std::string> get(const Digest& digest,
                                                std::size_t bytes_max = std::size_t{64} << 20) const = 0;
  /// Materializes the artifact as a read-only file or folder, which is created once and kept under the cache;
  /// checked against the digest when it is created and whenever it appears to have been modified. For trusted
  /// readers only: it must not be written to.
  virtual Result<std::filesystem::path> materialize(const Artifact& artifact) = 0;
  /// Makes a writable copy at `destination`, which must not exist.
  virtual Result<void> copy_out(const Artifact& artifact, const std::filesystem::path& destination) const = 0;
  /// The object's own file, for git-lfs and for streaming to a client (not verified).
  [[nodiscard]] virtual std::filesystem::path path_of(const Digest& digest) const = 0;
  /// All objects that the artifact consists of: files and `Directory` messages, itself included.
  [[nodiscard]] virtual Result<std::vector<Digest>> closure(const Artifact& artifact) const = 0;
  /// Those of `digests` that are missing.
  [[nodiscard]] std::vector<Digest> missing(const std::vector<Digest>& digests) const {
    std::vector<Digest> out;
    for (const auto& digest : digests)
      if (!has(digest)) out.push_back(digest);
    return out;
  }
};

}  // namespace sluice::ports
