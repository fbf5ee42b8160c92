#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/stores/git/object_text.hpp"

namespace sluice::stores::git {

/// The objects of one repository, read and written with libgit2 (whose SHA-1 detects collisions). Not
/// thread-safe; open one for each piece of work. What is written stays in memory until `flush`.
class Objects {
 public:
  enum class Kind { commit, tree, blob, tag };
  struct Object {
    Kind kind = Kind::blob;
    std::string bytes;
  };

  /// "1.5.1"; `unavailable` where libgit2 cannot be loaded. The first call of the process takes several
  /// milliseconds, as the first `open` would.
  static Result<std::string> library_version();
  static Result<Objects> open(const std::filesystem::path& repository);
  ~Objects();
  Objects(Objects&&) noexcept;
  Objects& operator=(Objects&&) noexcept;

  /// Returns the object's name; writes nothing if it exists already.
  Result<Oid> write(Kind kind, std::string_view bytes);
  Result<Object> read(const Oid& oid) const;
  /// The bytes of an object that must be of this kind.
  Result<std::string> read(const Oid& oid, Kind kind) const;
  Result<Commit> commit(const Oid& oid) const;
  Result<Tag> tag(const Oid& oid) const;
  Result<std::vector<TreeEntry>> tree(const Oid& oid) const;
  /// Every object on the disk.
  [[nodiscard]] Result<std::vector<Oid>> all() const;

  /// Writes all objects since the last flush as one pack, synced. No ref may name any of them before it
  /// returns.
  Result<void> flush();
  /// If there are more than `packs_max` packs, replaces them with one pack of all objects, synced.
  Result<void> repack(std::size_t packs_max);

 private:
  struct Impl;
  explicit Objects(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores::git
