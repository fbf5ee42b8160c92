#include "sluice/stores/directory/object_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/log.hpp"

namespace sluice::stores::directory {
namespace {

namespace fs = std::filesystem;

constexpr mode_t object_mode = 0444;
/// Files up to this size are read into memory first: an object that already exists then costs no write.
constexpr std::int64_t small_file = std::int64_t{1} << 20;

const Digest& digest_of_nothing() {
  static const Digest digest = Digest::of("");
  return digest;
}

Error not_expected(const fs::path& name, const Digest& expected, const Digest& found) {
  return user_error(Code::invalid_argument, name.string() + ": digest mismatch: expected " + expected.hex() +
                                                ", found " + found.hex() + "; send the file again");
}

}  // namespace

/// A file in objects/tmp that is removed at the end of its scope, unless it has been renamed.
class ObjectFiles::Temporary {
 public:
  Temporary(os::UniqueFd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Temporary(Temporary&&) = default;
  ~Temporary() {
    if (fd_) unlink(path_.c_str());
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  os::UniqueFd fd_;
  fs::path path_;
};

/// An object on its way in. Room is asked for as it grows: how much it will be is not known.
class ObjectFiles::Growing final : public ports::NewObject {
 public:
  Growing(const ObjectFiles& files, Temporary file) : files_(files), file_(std::move(file)) {}
  ~Growing() override {
    if (admitted_ > 0) static_cast<void>(files_.admit(-admitted_));
  }
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;

  Result<void> append(std::string_view bytes) override {
    const auto more = static_cast<std::int64_t>(bytes.size());
    SLUICE_DO(files_.admit(more));
    admitted_ += more;
    hasher_.update(bytes);
    stored_.size += more;
    auto written = os::write_fd(file_.fd(), bytes);
    return written ? written : Fail(std::move(written).error().at(files_.root_.string()));
  }

  Result<ports::Stored> finish() override {
    stored_.digest = hasher_.finish();
    if (files_.has_intact(stored_.digest, stored_.size) &&
        files_.renewals_->store_again(files_.path_of(stored_.digest), stored_.digest))
      return stored_;
    SLUICE_DO(files_.move_into_place(file_.path(), stored_.digest));
    admitted_ = 0;
    return stored_;
  }

 private:
  const ObjectFiles& files_;
  Temporary file_;
  Hasher hasher_;
  ports::Stored stored_;
  std::int64_t admitted_ = 0;  ///< what is given back if the object does not come to be
};

Result<ObjectFiles> ObjectFiles::open(fs::path root, const Clock& clock) {
  SLUICE_DO(os::make_directories(root / "tmp"));
  if (auto removed = os::remove_abandoned(root / "tmp", clock.now()); !removed)
    log::warning(removed.error().message);
  return ObjectFiles(std::move(root), clock);
}

fs::path ObjectFiles::path_of(const Digest& digest) const {
  const auto hex = digest.hex();
  return root_ / hex.substr(0, 2) / hex.substr(2, 2) / hex;
}

Result<ObjectFiles::Temporary> ObjectFiles::new_temporary(std::int64_t bytes) const {
  if (admit_) SLUICE_DO(admit_(bytes));
  std::string name = (root_ / "tmp" / "XXXXXX").string();
  os::UniqueFd fd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return Fail(system_error("create a file in " + (root_ / "tmp").string(), errno));
  if (fchmod(fd.get(), object_mode) != 0) return Fail(system_error("set the mode of " + name, errno));
  return Temporary(std::move(fd), name);
}

bool ObjectFiles::has(const Digest& digest) const {
  // An empty file whose name is not the digest of no bytes is what a power failure leaves of a file that was
  // never synced.
  struct stat info{};
  const auto path = path_of(digest);
  return lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_size > 0 || digest == digest_of_nothing()) && renewals_->renew(path, digest, info);
}

/// Reads the object: a disk may change bytes and leave size and times.
bool ObjectFiles::has_intact(const Digest& digest, std::int64_t size) const {
  struct stat info{};
  const auto path = path_of(digest);
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != size) return false;
  const auto fd = os::open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return false;
  Hasher hasher;
  const auto read = os::read_blocks(fd->get(), path, [&hasher](std::string_view bytes) {
    hasher.update(bytes);
    return Result<void>();
  });
  return read && hasher.finish() == digest;
}

Result<void> ObjectFiles::move_into_place(const fs::path& temporary, const Digest& digest) const {
  const auto path = path_of(digest);
  int problem = renewals_->move(temporary, path);
  if (problem == ENOENT) {
    SLUICE_DO(os::make_directories(path.parent_path()));
    problem = renewals_->move(temporary, path);
  }
  if (problem != 0) return Fail(system_error("store " + path.string(), problem));
  return {};
}

Result<ports::Stored> ObjectFiles::put(std::string_view bytes) const {
  const ports::Stored stored{.digest = Digest::of(bytes), .size = static_cast<std::int64_t>(bytes.size())};
  if (has_intact(stored.digest, stored.size) && renewals_->store_again(path_of(stored.digest), stored.digest))
    return stored;
  SLUICE_TRY(temporary, new_temporary(stored.size));
  if (auto written = os::write_fd(temporary.fd(), bytes); !written)
    return Fail(std::move(written).error().at(root_.string()));
  SLUICE_DO(move_into_place(temporary.path(), stored.digest));
  return stored;
}

Result<std::unique_ptr<ports::NewObject>> ObjectFiles::begin() const {
  SLUICE_TRY(file, new_temporary(0));
  return std::make_unique<Growing>(*this, std::move(file));
}

Result<ports::Stored> ObjectFiles::put_open(int fd, const fs::path& name, const Digest* expected) const {
  struct stat info{};
  if (fstat(fd, &info) != 0) return Fail(system_error("stat " + name.string(), errno));
  if (info.st_size <= small_file) {
    auto bytes = os::read_all(fd, static_cast<std::size_t>(small_file));
    if (bytes) {
      if (const auto digest = Digest::of(*bytes); expected != nullptr && digest != *expected)
        return Fail(not_expected(name, *expected, digest));
      return put(*bytes);
    }
    // The file has grown meanwhile: read it in blocks, from its beginning.
    if (bytes.error().code != Code::too_large) return Fail(std::move(bytes).error().at(name.string()));
    if (lseek(fd, 0, SEEK_SET) != 0) return Fail(system_error("read " + name.string() + " again", errno));
  }
  SLUICE_TRY(temporary, new_temporary(info.st_size));
  ports::Stored stored;
  Hasher hasher;
  SLUICE_DO(os::read_blocks(fd, name, [&](std::string_view bytes) {
    hasher.update(bytes);
    stored.size += static_cast<std::int64_t>(bytes.size());
    auto written = os::write_fd(temporary.fd(), bytes);
    return written ? written : Fail(std::move(written).error().at(root_.string()));
  }));
  stored.digest = hasher.finish();
  if (expected != nullptr && stored.digest != *expected)
    return Fail(not_expected(name, *expected, stored.digest));
  if (has_intact(stored.digest, stored.size) && renewals_->store_again(path_of(stored.digest), stored.digest))
    return stored;
  SLUICE_DO(move_into_place(temporary.path(), stored.digest));
  return stored;
}

Result<ports::Stored> ObjectFiles::take(const fs::path& file, const std::optional<Digest>& known) const {
  SLUICE_TRY(fd, os::open_file(file, O_RDONLY | O_NOFOLLOW));
  struct stat given{};
  struct stat own{};
  if (fstat(fd.get(), &given) != 0 || stat(root_.c_str(), &own) != 0 || given.st_dev != own.st_dev)
    return put_open(fd.get(), file, nullptr);
  ports::Stored stored;
  if (known) {
    stored = {.digest = *known, .size = given.st_size};
  } else {
    Hasher hasher;
    SLUICE_DO(os::read_blocks(fd.get(), file, [&](std::string_view bytes) {
      hasher.update(bytes);
      stored.size += static_cast<std::int64_t>(bytes.size());
      return Result<void>();
    }));
    stored.digest = hasher.finish();
  }
  SLUICE_DO(admit(stored.size));
  if (adopt(file, stored)) return stored;
  // One disk may be mounted at two places, between which nothing can be moved.
  static_cast<void>(admit(-stored.size));
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return Fail(system_error("read " + file.string() + " again", errno));
  return put_open(fd.get(), file, nullptr);
}

Result<void> ObjectFiles::adopt(const fs::path& file, const ports::Stored& stored) const {
  if (has_intact(stored.digest, stored.size) && renewals_->store_again(path_of(stored.digest), stored.digest))
    return os::remove_tree(file);
  SLUICE_DO(os::set_mode(file, object_mode));
  return move_into_place(file, stored.digest);
}

Result<os::UniqueFd> ObjectFiles::open_object(const Digest& digest) const {
  const auto path = path_of(digest);
  auto fd = os::open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!fd && fd.error().code == Code::not_found)
    return Fail(environment_error(Code::not_found,
                                  "object " + digest.hex() + " is not in the store (" + path.string() +
                                      "); store its bytes again, or rerun what produced it"));
  return fd;
}

Error ObjectFiles::corrupt(const Digest& digest, const Digest& found) const {
  const auto away = root_ / "damaged" / digest.hex();
  const bool moved =
      os::make_directories(away.parent_path()) && rename(path_of(digest).c_str(), away.c_str()) == 0;
  return environment_error(Code::data_loss,
                           "object " + digest.hex() + " is corrupt: " +
                               (moved ? away : path_of(digest)).string() + " now has digest " + found.hex() +
                               "; store the right bytes, or rerun what produced it with --no-cache");
}

Result<std::string> ObjectFiles::get(const Digest& digest, std::size_t bytes_max) const {
  SLUICE_TRY(fd, open_object(digest));
  auto bytes = os::read_all(fd.get(), bytes_max);
  if (!bytes) return Fail(std::move(bytes).error().at("object " + digest.hex()));
  if (const auto found = Digest::of(*bytes); found != digest) return Fail(corrupt(digest, found));
  return bytes;
}

Result<std::int64_t> ObjectFiles::copy_to(const Digest& digest, const fs::path& to, mode_t mode) const {
  SLUICE_TRY(from, open_object(digest));
  SLUICE_TRY(out, os::open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  Hasher hasher;
  std::int64_t size = 0;
  auto copied = os::read_blocks(from.get(), path_of(digest), [&](std::string_view bytes) {
    hasher.update(bytes);
    size += static_cast<std::int64_t>(bytes.size());
    auto written = os::write_fd(out.get(), bytes);
    return written ? written : Fail(std::move(written).error().at(to.string()));
  });
  if (copied)
    if (const auto found = hasher.finish(); found != digest) copied = Fail(corrupt(digest, found));
  if (copied && fchmod(out.get(), mode) != 0)
    copied = Fail(system_error("set the mode of " + to.string(), errno));
  if (!copied) {
    unlink(to.c_str());
    return Fail(std::move(copied).error());
  }
  return size;
}

Result<void> ObjectFiles::make_durable(const std::vector<Digest>& digests) const {
  std::vector<os::UniqueFd> files;
  std::set<fs::path> folders;
  const auto sync_open_files = [&]() -> Result<void> {
    for (const auto& fd : files)
      if (fsync(fd.get()) != 0) return Fail(system_error("sync an object in " + root_.string(), errno));
    files.clear();
    return {};
  };
  for (const auto& digest : digests) {
    SLUICE_TRY(fd, open_object(digest));
    // Start writing back all of them first: the syncs then wait once, not one after the other.
    sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    files.push_back(std::move(fd));
    const auto folder = path_of(digest).parent_path();
    folders.insert({folder, folder.parent_path(), root_});
    if (files.size() == 128) SLUICE_DO(sync_open_files());
  }
  SLUICE_DO(sync_open_files());
  for (const auto& folder : folders) SLUICE_DO(os::fsync_directory(folder));
  return {};
}

}  // namespace sluice::stores::directory
