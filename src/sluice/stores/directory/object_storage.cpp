#include "sluice/stores/directory/object_storage.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "sluice/stores/directory/message.hpp"

namespace sluice::stores::directory {
namespace {

constexpr std::size_t message_bytes_max = std::size_t{64} << 20;
constexpr std::size_t noted_bytes_max = std::size_t{1} << 30;  // sixteen million

class Sweep final : public ports::ObjectSweep {
 public:
  Sweep(const ObjectFiles& objects, os::UniqueFd lock) : objects_(objects), lock_(std::move(lock)) {}
  ~Sweep() override { objects_.renewals().end(); }
  std::vector<Digest> take_renewed() override { return objects_.renewals().take_renewed(); }
  bool condemn(const std::vector<Digest>& digests) override { return objects_.renewals().condemn(digests); }
  Result<bool> remove(const Digest& digest) override {
    return objects_.renewals().remove(objects_.path_of(digest));
  }
  Result<void> note_let_go(const std::vector<Digest>& digests) override {
    if (digests.empty()) return {};
    std::string lines = "\n";
    for (const auto& digest : digests) lines += digest.hex() + '\n';
    SLUICE_TRY(fd, os::open_file(noted(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
    SLUICE_DO(os::write_fd(fd.get(), lines));
    SLUICE_DO(os::fsync_file(noted()));
    return os::fsync_directory(objects_.root());
  }
  Result<std::vector<Digest>> let_go() override {
    std::vector<Digest> out;
    if (!os::exists(noted())) return out;
    SLUICE_TRY(lines, os::read_file(noted(), noted_bytes_max));
    // Where a process was killed, a line may be a part of one: what it let go is reached still.
    for (std::string_view rest = lines; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size() - 1);
      if (const auto digest = Digest::from_hex(rest.substr(0, end))) out.push_back(*digest);
      rest.remove_prefix(end + 1);
    }
    return out;
  }
  Result<void> forget_let_go() override { return os::remove_tree(noted()); }

 private:
  [[nodiscard]] std::filesystem::path noted() const { return objects_.root() / "let-go"; }

  const ObjectFiles& objects_;
  os::UniqueFd lock_;
};

bool is_folder_of_objects(const os::DirectoryEntry& entry) {
  return entry.kind == os::DirectoryEntry::Kind::directory && entry.name.size() == 2;
}

}  // namespace

Result<std::unique_ptr<ports::ObjectSweep>> begin_sweep(const ObjectFiles& objects, Time limit) {
  SLUICE_TRY(lock, lock_objects(objects.root(), true));
  objects.renewals().begin(limit);
  return std::make_unique<Sweep>(objects, std::move(lock));
}

Result<void> each_object(const ObjectFiles& objects,
                         const std::function<Result<void>(const ports::ObjectInfo&)>& take) {
  SLUICE_TRY(firsts, os::list_directory(objects.root()));
  for (const auto& first : firsts) {
    if (!is_folder_of_objects(first)) continue;
    SLUICE_TRY(seconds, os::list_directory(objects.root() / first.name));
    for (const auto& second : seconds) {
      if (!is_folder_of_objects(second)) continue;
      const auto folder = objects.root() / first.name / second.name;
      SLUICE_TRY(files, os::list_directory(folder));
      for (const auto& file : files) {
        const auto digest = Digest::from_hex(file.name);
        struct stat info{};
        if (!digest || stat((folder / file.name).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
        SLUICE_DO(take({.digest = *digest, .size = info.st_size, .renewed = modified_at(info)}));
      }
    }
  }
  return {};
}

std::optional<ports::ObjectStorage::Parts> parts_of(const ObjectFiles& objects, const Digest& digest) {
  const auto path = objects.path_of(digest);
  // A message begins with one of its three fields; most other files do not.
  const auto start = os::read_start(path, 1);
  if (!start) return std::nullopt;
  if (!start->empty() && (*start)[0] != '\x0a' && (*start)[0] != '\x12' && (*start)[0] != '\x1a')
    return std::nullopt;
  const auto bytes = os::read_file(path, message_bytes_max);
  if (!bytes) return std::nullopt;
  const auto message = decode(*bytes);
  if (!message) return std::nullopt;
  ports::ObjectStorage::Parts parts;
  for (const auto& file : message->files) parts.files.push_back(file.digest);
  for (const auto& folder : message->folders) parts.folders.push_back(folder.digest);
  return parts;
}

Result<void> verify(const ObjectFiles& objects, const Digest& digest) {
  const auto path = objects.path_of(digest);
  SLUICE_TRY(fd, os::open_file(path, O_RDONLY | O_NOFOLLOW));
  Hasher hasher;
  SLUICE_DO(os::read_blocks(fd.get(), path, [&hasher](std::string_view bytes) {
    hasher.update(bytes);
    return Result<void>();
  }));
  if (const auto found = hasher.finish(); found != digest)
    return Fail(environment_error(Code::data_loss, path.string() + " now has digest " + found.hex()));
  return {};
}

}  // namespace sluice::stores::directory
