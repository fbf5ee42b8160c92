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

  /// "1.5.1"; `unavailable` where libgit2 cannot be loaded. The first call of the process does what the first
  /// `open` would: several milliseconds.
  static Result<std::string> library_version();
  static Result<Objects> open(const std::filesystem::path& repository);
  ~Objects();
  Objects(Objects&&) noexcept;
  Objects& operator=(Objects&&) noexcept;

  /// Answers the object's name; writes nothing where it is there already.
  Result<Oid> write(Kind kind, std::string_view bytes);
  Result<Object> read(const Oid& oid) const;
  /// The bytes of an object that must be of this kind.
  Result<std::string> read(const Oid& oid, Kind kind) const;
  Result<Commit> commit(const Oid& oid) const;
  Result<Tag> tag(const Oid& oid) const;
  Result<std::vector<TreeEntry>> tree(const Oid& oid) const;
  /// Every object on the disk.
  [[nodiscard]] Result<std::vector<Oid>> all() const;

  /// All that was written since the last flush, as one pack, synced: before it returns no ref may name any of
  /// it.
  Result<void> flush();
  /// Where there are more than `packs_max` packs: one pack of everything, synced, and then only that one.
  Result<void> repack(std::size_t packs_max);

 private:
  struct Impl;
  explicit Objects(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores::git
