#include "sluice/stores/directory/tree_writer.hpp"

#include <cerrno>
#include <unordered_set>

#include <sys/stat.h>
#include <unistd.h>

#include "sluice/stores/directory/folder.hpp"
#include "sluice/stores/directory/message.hpp"

namespace sluice::stores::directory {
namespace {

namespace fs = std::filesystem;

struct TreeWriter {
  const ObjectFiles& objects;
  const Modes& modes;
  std::size_t entries_left = tree_entries_max;

  Result<void> write(const Digest& digest, const fs::path& to, std::size_t depth) {
    SLUICE_TRY(message, read_message(objects, digest, depth));
    const auto entries = message.files.size() + message.folders.size() + message.symlinks.size();
    if (entries > entries_left)
      return Fail(user_error(Code::too_large, "directory " + digest.hex() + ": more than " +
                                                  std::to_string(tree_entries_max) +
                                                  " entries in total; split it"));
    entries_left -= entries;
    if (mkdir(to.c_str(), 0700) != 0) return Fail(system_error("create folder " + to.string(), errno));
    for (const auto& file : message.files) {
      SLUICE_TRY(size,
                 objects.copy_to(file.digest, to / file.name, file.executable ? modes.program : modes.file));
      if (size != file.size)
        return Fail(user_error(Code::invalid_argument, "directory " + digest.hex() + ": `" + file.name +
                                                           "` is listed with " + std::to_string(file.size) +
                                                           " bytes, but has " + std::to_string(size)));
    }
    for (const auto& folder : message.folders) SLUICE_DO(write(folder.digest, to / folder.name, depth + 1));
    for (const auto& link : message.symlinks)
      if (symlink(link.target.c_str(), (to / link.name).c_str()) != 0)
        return Fail(system_error("create symlink " + (to / link.name).string(), errno));
    // Last: nothing can be created in a read-only folder.
    return os::set_mode(to, modes.folder);
  }
};

struct ClosureCollector {
  const ObjectFiles& objects;
  std::vector<Digest> out = {};
  std::unordered_set<Digest> listed = {};
  std::unordered_set<Digest> entered =
      {};  ///< separate: the bytes of a folder's message may also be those of a file

  void list(const Digest& digest) {
    if (listed.insert(digest).second) out.push_back(digest);
  }
  Result<void> collect(const Digest& digest, std::size_t depth) {
    list(digest);
    if (!entered.insert(digest).second) return {};
    SLUICE_TRY(message, read_message(objects, digest, depth));
    for (const auto& file : message.files) list(file.digest);
    for (const auto& folder : message.folders) SLUICE_DO(collect(folder.digest, depth + 1));
    return {};
  }
};

}  // namespace

Result<Message> read_message(const ObjectFiles& objects, const Digest& digest, std::size_t depth) {
  if (depth > folder_depth_max)
    return Fail(user_error(Code::too_large, "directory " + digest.hex() + ": folders are nested more than " +
                                                std::to_string(folder_depth_max) + " deep"));
  SLUICE_TRY(bytes, objects.get(digest, message_bytes_max));
  auto message = decode(bytes);
  if (!message) return Fail(std::move(message).error().at("directory " + digest.hex()));
  for (const auto& symlink : message->symlinks)
    if (!stays_inside(symlink.target, depth))
      return Fail(user_error(Code::invalid_argument,
                             "directory " + digest.hex() + ": symlink `" + symlink.name + "` to `" +
                                 symlink.target + "` may point outside the directory; it is not written"));
  return message;
}

Result<void> write_tree(const ObjectFiles& objects, const Digest& digest, const fs::path& to,
                        const Modes& modes) {
  TreeWriter writer{.objects = objects, .modes = modes};
  return writer.write(digest, to, 0);
}

Result<std::vector<Digest>> tree_closure(const ObjectFiles& objects, const Digest& digest) {
  ClosureCollector collector{.objects = objects};
  SLUICE_DO(collector.collect(digest, 0));
  return std::move(collector.out);
}

}  // namespace sluice::stores::directory
