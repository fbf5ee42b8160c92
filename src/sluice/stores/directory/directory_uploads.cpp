#include "sluice/stores/directory/directory_uploads.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/numbered_parts.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view about_ending = ".json";
constexpr std::size_t about_bytes_max = std::size_t{64} << 10;

/// One upload. Its own lock orders its parts: those of others do not wait for them.
struct UnderWay {
  std::mutex mutex;
  ports::Upload upload;
  std::string workspace;
  Hasher hasher;
  std::int64_t hashed = 0;  ///< less than what has arrived only after a restart
  std::unique_ptr<directory::NumberedParts> parts = nullptr;  ///< null: its bytes arrive in their order
  bool ended = false;
};

Error unknown(const std::string& id) {
  return user_error(Code::not_found, "no upload `" + percent_encode(id.substr(0, 40)) +
                                         "` is under way: it has ended, or nothing arrived for a day; begin "
                                         "again");
}

Result<void> write_at(int fd, std::int64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(system_error("store a part of an upload", errno));
    offset += written;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

struct DirectoryUploads::Impl {
  fs::path folder;
  const directory::ObjectFiles& objects;
  const Clock& clock;
  Random& random;
  const Options options;

  struct Entry {
    std::shared_ptr<UnderWay> upload;
    Time touched{};  ///< when the last part arrived
  };
  mutable std::mutex mutex = {};  ///< guards the map; no upload's own lock is waited for while it is held
  std::map<std::string, Entry> entries = {};

  [[nodiscard]] fs::path bytes_of(const std::string& id) const { return folder / id; }
  [[nodiscard]] fs::path about_of(const std::string& id) const {
    return folder / (id + std::string(about_ending));
  }

  void remove_files(const std::string& id) const {
    // What says that there are bytes goes first: bytes alone are removed by the next start.
    for (const auto& path : {about_of(id), bytes_of(id)})
      if (auto removed = os::remove_tree(path); !removed) log::warning(removed.error().message);
  }

  /// The upload ends, and nothing of it stays.
  void discard(UnderWay& one) const {
    one.ended = true;
    if (one.parts) one.parts->remove_waiting();
    remove_files(one.upload.id);
  }

  Result<void> load();
  Result<bool> load_one(const std::string& id);
  void expire();
  /// Whether there is room for so many bytes, and, if there is to be `one_more`, for another upload.
  [[nodiscard]] Result<void> check_space(std::int64_t size, bool one_more = true) const;
  [[nodiscard]] Result<std::shared_ptr<UnderWay>> known(const Principal& principal,
                                                        const std::string& id) const;
  [[nodiscard]] Result<std::shared_ptr<UnderWay>> known(const Principal& principal, const std::string& id,
                                                        bool in_parts) const;
  [[nodiscard]] std::shared_ptr<UnderWay> same(const Principal& principal, std::int64_t size,
                                               const std::optional<Digest>& digest) const;
  Result<ports::Upload> make(const Principal& principal, std::int64_t size,
                             const std::optional<Digest>& digest);
  void touch(const std::string& id);
  void forget(const std::string& id);
  Result<void> hash_rest(UnderWay& one) const;
  Result<ports::Stored> finish(UnderWay& one) const;
};

Result<void> DirectoryUploads::Impl::load() {
  SLUICE_DO(os::make_directories(folder));
  SLUICE_TRY(files, os::list_directory(folder));
  for (const auto& file : files) {
    const auto id = file.name.substr(0, file.name.find('.'));
    if (file.name != id && file.name != id + std::string(about_ending)) {
      SLUICE_DO(os::remove_tree(folder / file.name));  // not renamed when its writer died
      continue;
    }
    if (entries.contains(id)) continue;
    auto loaded = load_one(id);
    if (!loaded) log::warning(loaded.error().message);
    if (!loaded || !*loaded) remove_files(id);
  }
  expire();
  return {};
}

/// False: one of the two files is missing, or does not say what the other one is.
Result<bool> DirectoryUploads::Impl::load_one(const std::string& id) {
  struct stat status{};
  if (::lstat(bytes_of(id).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const auto text = os::read_file(about_of(id), about_bytes_max);
  if (!text) return false;
  SLUICE_TRY(about, parse_json(*text, about_of(id).string()));
  auto one = std::make_shared<UnderWay>();
  one->workspace = about.text_at("workspace");
  one->upload = {.id = id, .size = about.integer_at("size"), .received = status.st_size, .digest = {}};
  if (const auto hex = about.text_at("digest"); !hex.empty()) {
    SLUICE_TRY(digest, Digest::from_hex(hex));
    one->upload.digest = digest;
  }
  if (one->upload.received > one->upload.size) return false;
  const Time touched{
      Milliseconds(std::int64_t{status.st_mtim.tv_sec} * 1000 + status.st_mtim.tv_nsec / 1'000'000)};
  entries.insert_or_assign(id, Entry{.upload = std::move(one), .touched = touched});
  return true;
}

/// `mutex` is held, or nobody else is there yet.
void DirectoryUploads::Impl::expire() {
  const auto limit = clock.now() - options.kept;
  for (auto entry = entries.begin(); entry != entries.end();) {
    const auto one = entry->second.upload;
    const std::unique_lock lock(one->mutex, std::try_to_lock);
    if (!lock || entry->second.touched >= limit) {  // locked: a part arrives
      ++entry;
      continue;
    }
    discard(*one);
    entry = entries.erase(entry);
  }
}

Result<void> DirectoryUploads::Impl::check_space(std::int64_t size, bool one_more) const {
  if (size < 0) return Fail(user_error(Code::invalid_argument, "the size of an upload must not be negative"));
  if (size > options.bytes_max)
    return Fail(user_error(Code::too_large, "an upload of " + human_bytes(static_cast<std::uint64_t>(size)) +
                                                " is larger than all uploads may be together (" +
                                                human_bytes(static_cast<std::uint64_t>(options.bytes_max)) +
                                                "); divide the file"));
  std::int64_t total = 0;
  std::int64_t missing = 0;
  for (const auto& [id, entry] : entries) {
    if (entry.upload->parts) {
      total += entry.upload->parts->bytes();
      continue;
    }
    total += entry.upload->upload.size;
    struct stat status{};
    if (::stat(bytes_of(id).c_str(), &status) == 0) missing += entry.upload->upload.size - status.st_size;
  }
  if ((one_more && entries.size() >= options.count_max) || total > options.bytes_max - size)
    return Fail(
        user_error(Code::exhausted, "too many uploads are under way: " + std::to_string(entries.size()) +
                                        ", of " + human_bytes(static_cast<std::uint64_t>(total)) +
                                        " together; retry when one of them has ended"));
  SLUICE_DO(objects.admit(missing + size));
  SLUICE_TRY(free, os::free_bytes(folder));
  if (static_cast<std::uint64_t>(missing) + static_cast<std::uint64_t>(size) > free)
    return Fail(environment_error(
        Code::disk_full, "an upload of " + human_bytes(static_cast<std::uint64_t>(size)) +
                             " does not fit on the server's disk, which has " + human_bytes(free) +
                             " left, of which uploads under way need " +
                             human_bytes(static_cast<std::uint64_t>(missing)) + "; free some space"));
  return {};
}

/// The upload of the same bytes, by a client that was killed or another one; null if there is none.
std::shared_ptr<UnderWay> DirectoryUploads::Impl::same(const Principal& principal, std::int64_t size,
                                                       const std::optional<Digest>& digest) const {
  const auto found = std::ranges::find_if(entries, [&](const auto& entry) {
    const auto& one = *entry.second.upload;
    return digest && one.upload.digest == digest && one.upload.size == size &&
           one.workspace == principal.workspace;
  });
  return found == entries.end() ? nullptr : found->second.upload;
}

Result<ports::Upload> DirectoryUploads::Impl::make(const Principal& principal, std::int64_t size,
                                                   const std::optional<Digest>& digest) {
  SLUICE_DO(check_space(size));
  auto one = std::make_shared<UnderWay>();
  one->workspace = principal.workspace;
  one->upload = {.id = new_ulid(clock.now(), random), .size = size, .received = 0, .digest = digest};
  const auto id = one->upload.id;
  Struct about;
  about.set("workspace", principal.workspace);
  about.set("principal", principal.name);
  about.set("size", size);
  if (digest) about.set("digest", digest->hex());
  SLUICE_DO(os::write_file(bytes_of(id), "", 0600));
  if (auto written = os::write_file_atomically(about_of(id), to_json(about), os::Sync::no, 0600); !written) {
    remove_files(id);
    return Fail(std::move(written).error());
  }
  auto upload = one->upload;
  entries.insert_or_assign(id, Entry{.upload = std::move(one), .touched = clock.now()});
  return upload;
}

Result<std::shared_ptr<UnderWay>> DirectoryUploads::Impl::known(const Principal& principal,
                                                                const std::string& id) const {
  const std::scoped_lock lock(mutex);
  const auto found = entries.find(id);
  if (found == entries.end() || found->second.upload->workspace != principal.workspace)
    return Fail(unknown(id));
  return found->second.upload;
}

Result<std::shared_ptr<UnderWay>> DirectoryUploads::Impl::known(const Principal& principal,
                                                                const std::string& id, bool in_parts) const {
  SLUICE_TRY(one, known(principal, id));
  if ((one->parts != nullptr) != in_parts) return Fail(unknown(id));
  return one;
}

void DirectoryUploads::Impl::touch(const std::string& id) {
  const std::scoped_lock lock(mutex);
  if (const auto found = entries.find(id); found != entries.end()) found->second.touched = clock.now();
}

void DirectoryUploads::Impl::forget(const std::string& id) {
  const std::scoped_lock lock(mutex);
  entries.erase(id);
}

/// Reads what arrived before this process began.
Result<void> DirectoryUploads::Impl::hash_rest(UnderWay& one) const {
  if (one.hashed == one.upload.received) return {};
  const auto path = bytes_of(one.upload.id);
  SLUICE_TRY(fd, os::open_file(path, O_RDONLY | O_NOFOLLOW));
  one.hasher = Hasher();
  one.hashed = 0;
  SLUICE_DO(os::read_blocks(fd.get(), path, [&](std::string_view bytes) {
    one.hasher.update(bytes);
    one.hashed += static_cast<std::int64_t>(bytes.size());
    return Result<void>();
  }));
  if (one.hashed != one.upload.received)
    return Fail(
        environment_error(Code::data_loss, path.string() + ": its length has changed; send it again"));
  return {};
}

/// All bytes have arrived, and are hashed.
Result<ports::Stored> DirectoryUploads::Impl::finish(UnderWay& one) const {
  const ports::Stored stored{.digest = one.hasher.finish(), .size = one.upload.size};
  one.ended = true;
  if (one.upload.digest && *one.upload.digest != stored.digest) {
    remove_files(one.upload.id);
    return Fail(user_error(Code::invalid_argument, "digest mismatch: expected " + one.upload.digest->hex() +
                                                       ", found " + stored.digest.hex() +
                                                       "; send the file again"));
  }
  auto moved = objects.adopt(bytes_of(one.upload.id), stored);
  remove_files(one.upload.id);
  if (!moved) return Fail(std::move(moved).error());
  return stored;
}

DirectoryUploads::DirectoryUploads(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DirectoryUploads::~DirectoryUploads() = default;

Result<std::unique_ptr<DirectoryUploads>> DirectoryUploads::open(const DirectoryObjectStore& store,
                                                                 const Clock& clock, Random& random,
                                                                 Options options) {
  auto impl = std::make_unique<Impl>(store.files().root() / "uploads", store.files(), clock, random, options);
  SLUICE_DO(impl->load());
  return std::unique_ptr<DirectoryUploads>(new DirectoryUploads(std::move(impl)));
}

Result<ports::Upload> DirectoryUploads::begin(const Principal& principal, std::int64_t size,
                                              const std::optional<Digest>& digest) {
  for (;;) {
    std::shared_ptr<UnderWay> one;
    {
      const std::scoped_lock lock(impl_->mutex);
      impl_->expire();
      one = impl_->same(principal, size, digest);
      if (!one) return impl_->make(principal, size, digest);
    }
    const std::scoped_lock lock(one->mutex);  // a part of it may be arriving
    if (!one->ended) return one->upload;
  }
}

Result<ports::Upload> DirectoryUploads::find(const Principal& principal, const std::string& id) const {
  SLUICE_TRY(one, impl_->known(principal, id, false));
  const std::scoped_lock lock(one->mutex);
  if (one->ended) return Fail(unknown(id));
  return one->upload;
}

Result<ports::Uploads::Received> DirectoryUploads::append(const Principal& principal, const std::string& id,
                                                          std::int64_t offset, std::string_view bytes) {
  SLUICE_TRY(one, impl_->known(principal, id, false));
  const std::scoped_lock lock(one->mutex);
  if (one->ended) return Fail(unknown(id));
  auto& upload = one->upload;
  if (offset != upload.received)
    return Fail(user_error(Code::conflict, "upload " + id + " continues at byte " +
                                               std::to_string(upload.received) + ", not at " +
                                               std::to_string(offset) + "; send the part that begins there"));
  if (static_cast<std::int64_t>(bytes.size()) > upload.size - upload.received)
    return Fail(user_error(Code::invalid_argument, "the part ends after the end of the upload, which has " +
                                                       std::to_string(upload.size) +
                                                       " bytes; begin one of another size"));
  SLUICE_DO(impl_->hash_rest(*one));
  if (!bytes.empty()) {
    SLUICE_TRY(fd, os::open_file(impl_->bytes_of(id), O_WRONLY | O_NOFOLLOW));
    if (auto written = write_at(fd.get(), offset, bytes); !written) {
      // What a full disk took of the part is not counted, so it must not stay.
      if (::ftruncate(fd.get(), offset) != 0) log::warning("cannot cut upload " + id + " back");
      return Fail(std::move(written).error());
    }
    one->hasher.update(bytes);
    upload.received += static_cast<std::int64_t>(bytes.size());
    one->hashed = upload.received;
  }
  if (upload.received < upload.size) {
    impl_->touch(id);
    return Received{.upload = upload, .stored = {}};
  }
  auto stored = impl_->finish(*one);
  impl_->forget(id);
  if (!stored) return Fail(std::move(stored).error());
  return Received{.upload = upload, .stored = *stored};
}

Result<std::string> DirectoryUploads::begin_parts(const Principal& principal, std::int64_t parts) {
  if (parts < 1 || parts > impl_->options.parts_max)
    return Fail(user_error(Code::invalid_argument, "an upload has 1 to " +
                                                       std::to_string(impl_->options.parts_max) +
                                                       " parts, not " + std::to_string(parts)));
  const std::scoped_lock lock(impl_->mutex);
  impl_->expire();
  SLUICE_DO(impl_->check_space(0));
  auto one = std::make_shared<UnderWay>();
  one->workspace = principal.workspace;
  one->upload.id = new_ulid(impl_->clock.now(), impl_->random);
  auto id = one->upload.id;
  one->parts = std::make_unique<directory::NumberedParts>(impl_->bytes_of(id), parts);
  SLUICE_DO(os::write_file(impl_->bytes_of(id), "", 0600));
  impl_->entries.insert_or_assign(id, Impl::Entry{.upload = std::move(one), .touched = impl_->clock.now()});
  return id;
}

Result<void> DirectoryUploads::put_part(const Principal& principal, const std::string& id,
                                        std::int64_t number, const fs::path& file) {
  SLUICE_TRY(one, impl_->known(principal, id, true));
  struct stat status{};
  if (::lstat(file.c_str(), &status) != 0) return Fail(system_error("read " + file.string(), errno));
  {
    const std::scoped_lock lock(impl_->mutex);
    SLUICE_DO(impl_->check_space(status.st_size, false));
  }
  {
    const std::scoped_lock lock(one->mutex);
    if (one->ended) return Fail(unknown(id));
    SLUICE_DO(one->parts->put(number, file));
  }
  impl_->touch(id);
  return {};
}

Result<ports::Stored> DirectoryUploads::complete(const Principal& principal, const std::string& id) {
  SLUICE_TRY(one, impl_->known(principal, id, true));
  const std::scoped_lock lock(one->mutex);
  if (one->ended) return Fail(unknown(id));
  SLUICE_TRY(stored, one->parts->finish());
  auto moved = impl_->objects.adopt(impl_->bytes_of(id), stored);
  impl_->discard(*one);
  impl_->forget(id);
  if (!moved) return Fail(std::move(moved).error());
  return stored;
}

Result<void> DirectoryUploads::cancel(const Principal& principal, const std::string& id) {
  SLUICE_TRY(one, impl_->known(principal, id));
  const std::scoped_lock lock(one->mutex);
  if (one->ended) return Fail(unknown(id));
  impl_->discard(*one);
  impl_->forget(id);
  return {};
}

}  // namespace sluice::stores
