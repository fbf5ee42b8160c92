#include "sluice/stores/directory/numbered_parts.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores::directory {
namespace {

namespace fs = std::filesystem;

struct Copied {
  Digest digest;
  std::int64_t size = 0;
};

/// Appends the bytes of `part` to the file `to`, if there is one; `also` hashes them too.
Result<Copied> copy_bytes(const fs::path& part, int to, Hasher* also) {
  SLUICE_TRY(from, os::open_file(part, O_RDONLY | O_NOFOLLOW));
  Hasher hasher;
  std::int64_t size = 0;
  SLUICE_DO(os::read_blocks(from.get(), part, [&](std::string_view bytes) -> Result<void> {
    if (to >= 0) SLUICE_DO(os::write_fd(to, bytes));
    hasher.update(bytes);
    if (also != nullptr) also->update(bytes);
    size += static_cast<std::int64_t>(bytes.size());
    return {};
  }));
  return Copied{.digest = hasher.finish(), .size = size};
}

}  // namespace

fs::path NumberedParts::waiting(std::int64_t number) const {
  return fs::path(file_.string() + "." + std::to_string(number));
}

Result<void> NumberedParts::put(std::int64_t number, const fs::path& part) {
  if (failed_)
    return Fail(user_error(Code::failed_precondition, "a part could not be stored; begin the upload again"));
  if (number < 1 || number > count_)
    return Fail(
        user_error(Code::invalid_argument,
                   fmt::format("there is no part {}: this upload has parts 1 to {}", number, count_)));
  if (const auto known = arrived_.find(number); known != arrived_.end()) {
    SLUICE_TRY(again, copy_bytes(part, -1, nullptr));
    if (again.digest == known->second) return {};
    return Fail(user_error(
        Code::conflict, fmt::format("other bytes have arrived as part {}; begin the upload again", number)));
  }
  auto added = add(number, part);
  if (!added) failed_ = true;
  return added;
}

Result<void> NumberedParts::add(std::int64_t number, const fs::path& part) {
  if (number != next_) {
    SLUICE_TRY(fd, os::open_file(waiting(number), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    SLUICE_TRY(copied, copy_bytes(part, fd.get(), nullptr));
    arrived_.emplace(number, copied.digest);
    bytes_ += copied.size;
    return {};
  }
  const auto before = size_;
  SLUICE_TRY(digest, append(part));
  arrived_.emplace(number, digest);
  bytes_ += size_ - before;
  for (++next_; arrived_.contains(next_); ++next_) {
    SLUICE_DO(append(waiting(next_)));
    SLUICE_DO(os::remove_tree(waiting(next_)));
  }
  return {};
}

Result<Digest> NumberedParts::append(const fs::path& part) {
  SLUICE_TRY(fd, os::open_file(file_, O_WRONLY | O_APPEND | O_NOFOLLOW));
  SLUICE_TRY(copied, copy_bytes(part, fd.get(), &hasher_));
  size_ += copied.size;
  return copied.digest;
}

Result<ports::Stored> NumberedParts::finish() {
  if (failed_)
    return Fail(user_error(Code::failed_precondition, "a part could not be stored; begin the upload again"));
  if (next_ <= count_)
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("part {} of {} has not arrived; send it first", next_, count_)));
  return ports::Stored{.digest = hasher_.finish(), .size = size_};
}

void NumberedParts::remove_waiting() const {
  for (auto part = arrived_.upper_bound(next_); part != arrived_.end(); ++part)
    if (auto removed = os::remove_tree(waiting(part->first)); !removed) log::warning(removed.error().message);
}

}  // namespace sluice::stores::directory
