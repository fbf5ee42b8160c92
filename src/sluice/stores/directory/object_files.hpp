#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/os/files.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/stores/directory/renewals.hpp"

namespace sluice::stores::directory {

/// The files of the store, `ab/cd/<whole digest>`, without any knowledge of their contents. Thread-safe, and
/// safe for many processes at once: an object is written to a temporary file and renamed, so that it exists
/// as a whole or not at all.
class ObjectFiles {
 public:
  /// Creates `root`, and removes what dead writers left there more than a day ago.
  static Result<ObjectFiles> open(std::filesystem::path root, const Clock& clock);

  [[nodiscard]] std::filesystem::path path_of(const Digest& digest) const;
  /// See ports::ObjectStore::has.
  [[nodiscard]] bool has(const Digest& digest) const;
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] Renewals& renewals() const { return *renewals_; }

  /// Refuses to store so many more bytes, or null; less than zero: of those, so many were not stored. Set
  /// before other threads use this.
  using Admit = std::function<Result<void>(std::int64_t bytes)>;
  void set_admission(Admit admit) { admit_ = std::move(admit); }
  [[nodiscard]] Result<void> admit(std::int64_t bytes) const {
    return admit_ ? admit_(bytes) : Result<void>();
  }

  /// Replaces an object whose bytes have changed.
  Result<ports::Stored> put(std::string_view bytes) const;
  /// See ports::ObjectStore::begin. `this` must outlive it.
  [[nodiscard]] Result<std::unique_ptr<ports::NewObject>> begin() const;
  /// Stores the rest of the open file `fd`, which messages call `name`, likewise. If `expected` is given,
  /// refuses other bytes.
  Result<ports::Stored> put_open(int fd, const std::filesystem::path& name, const Digest* expected) const;

  /// Stores a file that nobody else uses; it is moved if it is on the same disk.
  [[nodiscard]] Result<ports::Stored> take(const std::filesystem::path& file,
                                           const std::optional<Digest>& known) const;
  /// Moves a file on the same disk into the store, whose bytes were hashed as they were written. The file is
  /// gone afterwards, unless this fails.
  Result<void> adopt(const std::filesystem::path& file, const ports::Stored& stored) const;

  /// Reads an object and checks it against the digest: Code::not_found if the bytes are missing,
  /// Code::data_loss if they have changed; they are moved to `damaged/` then, and count as missing from now
  /// on.
  [[nodiscard]] Result<std::string> get(const Digest& digest, std::size_t bytes_max) const;
  /// Writes the object's bytes to a new file with the given mode, checked likewise. Leaves nothing after an
  /// error. Returns the number of bytes.
  Result<std::int64_t> copy_to(const Digest& digest, const std::filesystem::path& to, mode_t mode) const;

  Result<void> make_durable(const std::vector<Digest>& digests) const;

 private:
  ObjectFiles(std::filesystem::path root, const Clock& clock)
      : root_(std::move(root)), renewals_(std::make_unique<Renewals>(clock)) {}
  class Temporary;
  class Growing;
  [[nodiscard]] Result<Temporary> new_temporary(std::int64_t bytes) const;
  [[nodiscard]] bool has_intact(const Digest& digest, std::int64_t size) const;
  [[nodiscard]] Result<void> move_into_place(const std::filesystem::path& temporary,
                                             const Digest& digest) const;
  [[nodiscard]] Result<os::UniqueFd> open_object(const Digest& digest) const;
  /// Moves the object away, and says so.
  [[nodiscard]] Error corrupt(const Digest& digest, const Digest& found) const;

  std::filesystem::path root_;
  std::unique_ptr<Renewals> renewals_;
  Admit admit_;
};

}  // namespace sluice::stores::directory
