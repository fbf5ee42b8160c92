#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/os/files.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::stores::directory {

/// The files of the store, `ab/cd/<whole digest>`, and nothing above them. Thread-safe, for many processes at
/// once: an object is written beside and renamed to its name, so that it is there as a whole or not at all.
class ObjectFiles {
 public:
  /// Makes `root`, and removes what writers left there that died more than a day ago.
  static Result<ObjectFiles> open(std::filesystem::path root, const Clock& clock);

  [[nodiscard]] std::filesystem::path path_of(const Digest& digest) const;
  [[nodiscard]] bool has(const Digest& digest) const;

  Result<ports::Stored> put(std::string_view bytes) const;
  /// The rest of the open file `fd`, which `name` is called in messages. `expected` given: refuses other
  /// bytes.
  Result<ports::Stored> put_open(int fd, const std::filesystem::path& name, const Digest* expected) const;

  /// Checked against the digest: Code::data_loss where the bytes have changed, Code::not_found where they are
  /// missing.
  [[nodiscard]] Result<std::string> get(const Digest& digest, std::size_t bytes_max) const;
  /// The object's bytes in a new file, checked likewise, with the given mode. Nothing is left there after an
  /// error. Answers their number.
  Result<std::int64_t> copy_to(const Digest& digest, const std::filesystem::path& to, mode_t mode) const;

  Result<void> make_durable(const std::vector<Digest>& digests) const;

 private:
  explicit ObjectFiles(std::filesystem::path root) : root_(std::move(root)) {}
  class Temporary;
  [[nodiscard]] Result<Temporary> new_temporary() const;
  [[nodiscard]] bool has_sized(const Digest& digest, std::int64_t size) const;
  [[nodiscard]] Result<void> move_in(const std::filesystem::path& temporary, const Digest& digest) const;
  [[nodiscard]] Result<os::UniqueFd> open_object(const Digest& digest) const;
  [[nodiscard]] Error changed(const Digest& digest, const Digest& found) const;

  std::filesystem::path root_;
};

}  // namespace sluice::stores::directory
