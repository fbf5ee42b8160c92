#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
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
  /// Opens the repository when it is first read or written: many questions are answered by its refs alone.
  explicit Objects(std::filesystem::path repository);
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

  /// How many objects this process has read: what work costs, for tests.
  static std::uint64_t reads();

  /// Writes all objects since the last flush as one pack, synced. No ref may name any of them before it
  /// returns.
  Result<void> flush();

  /// How many packs a repository has.
  static Result<std::size_t> count_packs(const std::filesystem::path& repository);
  /// Writes the objects of small packs into one new pack in `folder`, synced; nothing has changed then for
  /// those who read or write the repository. Small are all but those that are twice as large as all smaller
  /// ones together: so each object is written again as many times as the repository doubles, not each time.
  /// Returns the packs that the new one replaces: none, or at least two. Code::cancelled soon after `stop`,
  /// unless there is little to do.
  static Result<std::vector<std::filesystem::path>> merge_small_packs(const std::filesystem::path& repository,
                                                                      const std::filesystem::path& folder,
                                                                      const std::stop_token& stop);
  /// Writes these objects into one new pack in `folder`, synced. Returns the packs that it replaces: all. The
  /// repository's lock is held, so that nobody writes what belongs to others.
  static Result<std::vector<std::filesystem::path>> pack_only(const std::filesystem::path& repository,
                                                              const std::filesystem::path& folder,
                                                              const std::vector<Oid>& objects);
  /// Moves the pack in `folder` into its place, synced, and removes the `replaced` ones. False, and nothing
  /// has changed: one of them is gone. The repository's lock is held.
  static Result<bool> replace_packs(const std::filesystem::path& repository,
                                    const std::filesystem::path& folder,
                                    const std::vector<std::filesystem::path>& replaced);

 private:
  struct Opened;
  Result<Opened*> opened() const;

  std::filesystem::path path_;
  mutable std::unique_ptr<Opened> opened_;
};

}  // namespace sluice::stores::git
