#include "sluice/stores/directory/object_copies.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/stores/directory/object_files.hpp"
#include "sluice/stores/directory/object_storage.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;
using directory::ObjectFiles;

/// The same file, where the file system allows it: objects never change.
Result<void> share(const fs::path& from, const fs::path& to) {
  {
    SLUICE_TRY(source, os::open_file(from, O_RDONLY | O_NOFOLLOW));
    SLUICE_TRY(target, os::open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0444));
    if (ioctl(target.get(), FICLONE, source.get()) == 0) return {};
  }
  unlink(to.c_str());
  if (link(from.c_str(), to.c_str()) == 0) return {};
  SLUICE_TRY(bytes, os::copy_file(from, to));
  static_cast<void>(bytes);
  return os::set_mode(to, 0444);
}

/// Everything that was written to the file system of this folder is on its disk when this returns.
Result<void> sync_all(const fs::path& folder) {
  SLUICE_TRY(fd, os::open_file(folder, O_RDONLY | O_DIRECTORY));
  if (syncfs(fd.get()) != 0) return Fail(system_error("sync " + folder.string(), errno));
  return {};
}

Result<fs::path> place_in(const ObjectFiles& to, const Digest& digest) {
  auto path = to.path_of(digest);
  SLUICE_DO(os::make_directories(path.parent_path()));
  return path;
}

}  // namespace

struct ObjectsHeld::Impl {
  os::UniqueFd lock;
};
ObjectsHeld::ObjectsHeld(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ObjectsHeld::~ObjectsHeld() = default;
ObjectsHeld::ObjectsHeld(ObjectsHeld&&) noexcept = default;
ObjectsHeld& ObjectsHeld::operator=(ObjectsHeld&&) noexcept = default;

Result<ObjectsHeld> ObjectsHeld::hold(const fs::path& objects) {
  SLUICE_TRY(lock, directory::lock_objects(objects, false));
  return ObjectsHeld(std::make_unique<Impl>(std::move(lock)));
}

Result<ports::Room> share_objects(const fs::path& objects, const fs::path& to, const Clock& clock) {
  SLUICE_TRY(source, ObjectFiles::open(objects, clock));
  SLUICE_TRY(target, ObjectFiles::open(to, clock));
  ports::Room room;
  SLUICE_DO(directory::each_object(source, [&](const ports::ObjectInfo& object) -> Result<void> {
    SLUICE_TRY(place, place_in(target, object.digest));
    SLUICE_DO(share(source.path_of(object.digest), place));
    ++room.things;
    room.bytes += object.size;
    return {};
  }));
  SLUICE_DO(sync_all(to));
  return room;
}

Result<ports::Room> copy_checked(const fs::path& objects, const fs::path& to, const Clock& clock) {
  SLUICE_TRY(source, ObjectFiles::open(objects, clock));
  SLUICE_TRY(target, ObjectFiles::open(to, clock));
  constexpr std::size_t notes_max = 100;
  ports::Room room;
  std::vector<std::string> damaged;
  std::size_t damaged_count = 0;
  SLUICE_DO(directory::each_object(source, [&](const ports::ObjectInfo& object) -> Result<void> {
    const auto path = source.path_of(object.digest);
    SLUICE_TRY(fd, os::open_file(path, O_RDONLY | O_NOFOLLOW));
    const auto stored = target.put_open(fd.get(), path, &object.digest);
    if (!stored && stored.error().code != Code::invalid_argument) return Fail(stored.error());
    if (!stored) {
      ++damaged_count;
      if (damaged.size() < notes_max) damaged.push_back(path.string());
      return {};
    }
    ++room.things;
    room.bytes += stored->size;
    return {};
  }));
  if (damaged_count > 0)
    return Fail(Error(Code::data_loss,
                      std::to_string(damaged_count) +
                          " objects of the backup are damaged; use another backup, or put "
                          "intact copies in their places",
                      Blame::environment, std::move(damaged)));
  SLUICE_DO(sync_all(to));
  return room;
}

}  // namespace sluice::stores
