#include "sluice/stores/directory/folder.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

#include "sluice/base/leftovers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::stores::directory {
namespace {

namespace fs = std::filesystem;

/// Rewords an error about a file or folder that its folder listed a moment ago.
Error since_listed(Error error, const fs::path& path) {
  if (error.code != Code::not_found) return error;
  return user_error(
      Code::failed_precondition,
      os::printable(path) +
          ": it was removed while its folder was read; run this again when nothing is changed there");
}

std::string joined(const std::string& relative, const std::string& name) {
  return relative.empty() ? name : relative + "/" + name;
}

/// The walk through one folder outside.
class Walk {
 public:
  Walk(const ports::Selection& selection, IgnoreRules rules)
      : selection_(selection), rules_(std::move(rules)) {}

  Result<void> into(const fs::path& path, const std::string& relative, std::size_t depth, Folder& folder) {
    if (depth > folder_depth_max)
      return Fail(invalid_argument(
          os::printable(path), "folders are nested more than " + std::to_string(folder_depth_max) + " deep"));
    SLUICE_TRY(entries, os::list_directory(path));
    for (auto& entry : entries) {
      using Kind = os::DirectoryEntry::Kind;
      const auto child = path / entry.name;
      const auto child_relative = joined(relative, entry.name);
      if (is_left_out(entry.name, child_relative, entry.kind == Kind::directory)) continue;
      if (!is_utf8(entry.name)) {
        refuse(child, "the name is not UTF-8; rename it");
        continue;
      }
      switch (entry.kind) {
        case Kind::file: folder.files.push_back({.name = std::move(entry.name), .digest = {}}); break;
        case Kind::directory: {
          Folder inner{.name = std::move(entry.name)};
          if (auto walked = into(child, child_relative, depth + 1, inner); !walked)
            return Fail(since_listed(std::move(walked).error(), child));
          folder.folders.push_back(std::move(inner));
          break;
        }
        case Kind::symlink: SLUICE_DO(add_symlink(child, std::move(entry.name), depth, folder)); break;
        case Kind::other:
          if (!selection_.leftovers && is_socket(child)) break;
          refuse(child, "neither a file, a folder nor a symlink; remove it, or ignore it");
          break;
      }
    }
    return {};
  }

  [[nodiscard]] std::int64_t left_out() const { return left_out_; }
  std::vector<Refused> take_refused() { return std::move(refused_); }

 private:
  bool is_left_out(const std::string& name, const std::string& path, bool is_folder) {
    if (const auto ignored = rules_.ignores(path, is_folder)) return *ignored;
    if (!selection_.leftovers && is_leftover(name)) return true;
    if (!selection_.left_out.contains(path)) return false;
    ++left_out_;
    return true;
  }

  /// A program listens there, such as a server whose data folder is in this one.
  static bool is_socket(const fs::path& path) {
    std::error_code unknown;
    return fs::is_socket(fs::symlink_status(path, unknown));
  }

  void refuse(const fs::path& path, std::string why) {
    refused_.push_back({.path = path, .why = std::move(why)});
  }

  Result<void> add_symlink(const fs::path& path, std::string name, std::size_t depth, Folder& folder) {
    std::error_code failure;
    const auto target = fs::read_symlink(path, failure);
    if (failure) return Fail(system_error("read symlink " + os::printable(path), failure.value()));
    if (!stays_inside(target.native(), depth))
      refuse(path, "a symlink to " + os::printable(target) +
                       ", which may lie outside the folder; put a copy of the target in its place");
    else if (!is_utf8(target.native()))
      refuse(path, "the target of this symlink is not UTF-8; rename it");
    else
      folder.symlinks.push_back({.name = std::move(name), .target = target.native()});
    return {};
  }

  const ports::Selection& selection_;
  const IgnoreRules rules_;
  std::int64_t left_out_ = 0;
  std::vector<Refused> refused_;
};

struct StoreJob {
  fs::path path;
  Message::File* file;
};

void collect(const fs::path& path, Folder& folder, std::vector<StoreJob>& jobs) {
  for (auto& file : folder.files) jobs.push_back({path / file.name, &file});
  for (auto& inner : folder.folders) collect(path / inner.name, inner, jobs);
}

struct StoredFile {
  ports::Stored stored;
  bool executable = false;
};

/// A file whose digest is known and whose bytes are stored, by its status alone; nullopt: it has to be
/// opened.
std::optional<StoredFile> find_stored(const ObjectFiles& objects, DigestCache& digests,
                                      const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  const auto identity = FileIdentity::of(status);
  const auto known = digests.find(identity);
  if (!known || !objects.has(*known)) return std::nullopt;
  return StoredFile{.stored = {.digest = *known, .size = identity.size},
                    .executable = (status.st_mode & S_IXUSR) != 0};
}

Result<StoredFile> store_open(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                              const fs::path& file, const Digest* expected, bool follow_symlink) {
  if (struct stat status{}; expected == nullptr && fstatat(AT_FDCWD, file.c_str(), &status,
                                                           follow_symlink ? 0 : AT_SYMLINK_NOFOLLOW) == 0)
    if (const auto stored = find_stored(objects, digests, status)) return *stored;
  const auto began = clock.now();
  SLUICE_TRY(fd, os::open_file(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | (follow_symlink ? 0 : O_NOFOLLOW)));
  struct stat before{};
  if (fstat(fd.get(), &before) != 0) return Fail(system_error("stat " + file.string(), errno));
  if (!S_ISREG(before.st_mode))
    return Fail(invalid_argument(os::printable(file),
                                 S_ISDIR(before.st_mode) ? "a folder, not a file" : "not a regular file"));
  const auto identity = FileIdentity::of(before);
  const bool executable = (before.st_mode & S_IXUSR) != 0;
  SLUICE_TRY(stored, objects.put_open(fd.get(), file, expected));
  struct stat after{};
  if (fstat(fd.get(), &after) == 0 && FileIdentity::of(after) == identity && stored.size == identity.size)
    digests.remember(identity, stored.digest, began);
  return StoredFile{.stored = stored, .executable = executable};
}

Result<void> add(Folder& root, const ports::TreeFile& file) {
  auto* folder = &root;
  std::size_t depth = 0;
  for (std::string_view rest = file.path;;) {
    const auto slash = rest.find('/');
    const std::string name(rest.substr(0, slash));
    if (slash == std::string_view::npos) {
      folder->files.push_back(
          {.name = name, .digest = file.digest, .size = file.size, .executable = file.executable});
      return {};
    }
    if (++depth > folder_depth_max)
      return Fail(user_error(Code::invalid_argument, file.path.substr(0, 80) +
                                                         "…: folders are nested more than " +
                                                         std::to_string(folder_depth_max) + " deep"));
    auto& inner = folder->folders;
    // Paths are mostly sorted: then it is the last one.
    auto found = !inner.empty() && inner.back().name == name ? std::prev(inner.end())
                                                             : std::ranges::find(inner, name, &Folder::name);
    if (found == inner.end()) found = inner.insert(found, Folder{.name = name});
    folder = &*found;
    rest.remove_prefix(slash + 1);
  }
}

/// The sizes of a tree, and of the message of each of its folders.
class SizeCheck {
 public:
  explicit SizeCheck(const TreeLimits& limits) : limits_(limits) {}

  Result<void> add(const Folder& folder, const std::string& name) {
    entries_ += folder.files.size() + folder.folders.size() + folder.symlinks.size();
    if (entries_ > limits_.entries)
      return Fail(user_error(Code::too_large, name + ": more than " + std::to_string(limits_.entries) +
                                                  " files and folders in total; split it"));
    constexpr std::size_t entry_bytes = 100;  // of a message, besides names; a digest is 64 of them
    std::size_t bytes = 0;
    for (const auto& file : folder.files) bytes += file.name.size() + entry_bytes;
    for (const auto& inner : folder.folders) bytes += inner.name.size() + entry_bytes;
    for (const auto& link : folder.symlinks) bytes += link.name.size() + link.target.size() + entry_bytes;
    if (bytes > limits_.message_bytes)
      return Fail(user_error(Code::too_large, name + ": the names in this folder are longer than " +
                                                  human_bytes(limits_.message_bytes) +
                                                  " together; divide it into several folders"));
    for (const auto& inner : folder.folders) SLUICE_DO(add(inner, name + "/" + inner.name));
    return {};
  }

 private:
  const TreeLimits& limits_;
  std::size_t entries_ = 0;
};

struct Built {
  ports::Stored message;
  std::int64_t bytes = 0;  ///< in all files
};

/// Passes the message of each folder to `put`, from the leaves up.
using PutMessage = std::function<Result<ports::Stored>(std::string_view message)>;
Result<Built> build(const Folder& folder, const PutMessage& put) {
  Built built;
  Message message{.files = folder.files, .folders = {}, .symlinks = folder.symlinks};
  for (const auto& file : folder.files) built.bytes += file.size;
  for (const auto& inner : folder.folders) {
    SLUICE_TRY(child, build(inner, put));
    message.folders.push_back(
        {.name = inner.name, .digest = child.message.digest, .size = child.message.size});
    built.bytes += child.bytes;
  }
  SLUICE_TRY(bytes, encode(std::move(message)));
  SLUICE_TRY(stored, put(bytes));
  built.message = stored;
  return built;
}

}  // namespace

Result<Walked> walk(const fs::path& root, const ports::Selection& selection) {
  SLUICE_TRY(rules, IgnoreRules::read(selection.patterns));
  Walked walked;
  Walk walk(selection, std::move(rules));
  SLUICE_DO(walk.into(root, "", 0, walked.folder));
  walked.left_out = walk.left_out();
  walked.refused = walk.take_refused();
  return walked;
}

Result<void> check_size(const Folder& tree, const std::string& name, const TreeLimits& limits) {
  return SizeCheck(limits).add(tree, name);
}

Result<Folder> arrange(const std::vector<ports::TreeFile>& files) {
  Folder root;
  for (const auto& file : files) SLUICE_DO(add(root, file));
  return root;
}

Result<ports::Stored> store_file(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                                 const fs::path& file, const Digest* expected, bool follow_symlink) {
  SLUICE_TRY(stored, store_open(objects, digests, clock, file, expected, follow_symlink));
  return stored.stored;
}

Result<void> store_files(const ObjectFiles& objects, DigestCache& digests, const Clock& clock,
                         const fs::path& root, Folder& folder) {
  std::vector<StoreJob> jobs;
  collect(root, folder, jobs);
  std::vector<std::optional<Error>> failures(jobs.size());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    for (std::size_t i = next.fetch_add(1); i < jobs.size() && !failed; i = next.fetch_add(1)) {
      auto stored = store_open(objects, digests, clock, jobs[i].path, nullptr, false);
      if (!stored) {
        failures[i] = since_listed(std::move(stored).error(), jobs[i].path);
        failed = true;
        return;
      }
      jobs[i].file->digest = stored->stored.digest;
      jobs[i].file->size = stored->stored.size;
      jobs[i].file->executable = stored->executable;
    }
  };
  {
    // A few files are stored before a second thread would have started.
    std::jthread second;
    if (jobs.size() > 8) second = std::jthread(work);
    work();
  }
  for (auto& failure : failures)
    if (failure) return Fail(std::move(*failure));
  return {};
}

Result<ports::Stored> store_messages(const ObjectFiles& objects, const Folder& folder) {
  SLUICE_TRY(built, build(folder, [&objects](std::string_view message) { return objects.put(message); }));
  return ports::Stored{.digest = built.message.digest, .size = built.bytes};
}

Result<std::vector<Digest>> messages_of(const Folder& folder) {
  std::vector<Digest> digests;
  SLUICE_DO(build(folder, [&digests](std::string_view message) -> Result<ports::Stored> {
    digests.push_back(Digest::of(message));
    return ports::Stored{.digest = digests.back(), .size = static_cast<std::int64_t>(message.size())};
  }));
  return digests;
}

}  // namespace sluice::stores::directory
