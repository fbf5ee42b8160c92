#include "sluice/stores/directory/materialized_copies.hpp"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/stores/directory/digest_cache.hpp"
#include "sluice/stores/directory/tree_writer.hpp"

namespace sluice::stores::directory {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view manifest_header = "sluice layout 1\n";
constexpr std::size_t manifest_bytes_max = std::size_t{1} << 30;
constexpr Modes read_only{.file = 0444, .program = 0555, .folder = 0555};

/// The metadata of one entry as a line, without reading its content; empty if it does not exist. A folder's
/// times change with its entries, so additions are noticed.
std::string metadata_of(const fs::path& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) return {};
  const auto id = FileIdentity::of(info);
  return std::to_string(id.device) + " " + std::to_string(id.inode) + " " + std::to_string(info.st_mode) +
         " " + std::to_string(id.size) + " " + std::to_string(id.modified_ns) + " " +
         std::to_string(id.changed_ns);
}

Result<void> describe(const fs::path& content, const std::string& relative, bool is_folder,
                      std::string& out) {
  const auto path = relative.empty() ? content : content / relative;
  out += metadata_of(path) + " " + percent_encode(relative, "/") + "\n";
  if (!is_folder) return {};
  SLUICE_TRY(entries, os::list_directory(path));
  for (const auto& entry : entries)
    SLUICE_DO(describe(content, relative.empty() ? entry.name : relative + "/" + entry.name,
                       entry.kind == os::DirectoryEntry::Kind::directory, out));
  return {};
}

fs::path content_of(const fs::path& container, Form form) {
  return container / (form == Form::file ? "file" : "tree");
}

bool unmodified(const fs::path& container, Form form) {
  const auto text = os::read_file(container / "manifest", manifest_bytes_max);
  if (!text || !text->starts_with(manifest_header) || !text->ends_with("\nend\n")) return false;
  const auto content = content_of(container, form);
  std::string_view rest(*text);
  rest.remove_prefix(manifest_header.size());
  if (rest == "end\n") return false;
  while (rest != "end\n") {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto space = line.rfind(' ');
    if (space == std::string_view::npos) return false;
    const auto relative = percent_decode(line.substr(space + 1));
    if (!relative || metadata_of(relative->empty() ? content : content / *relative) != line.substr(0, space))
      return false;
  }
  return true;
}

}  // namespace

Result<MaterializedCopies> MaterializedCopies::open(fs::path cache, const ObjectFiles& objects,
                                                    const Clock& clock) {
  SLUICE_DO(os::make_directories(cache / "tmp"));
  if (auto removed = os::remove_abandoned(cache / "tmp", clock.now()); !removed)
    log::warning(removed.error().message);
  return MaterializedCopies(std::move(cache), objects);
}

Result<void> MaterializedCopies::write_copy(const Digest& digest, Form form,
                                            const fs::path& container) const {
  const auto content = content_of(container, form);
  if (form == Form::file) {
    SLUICE_DO(objects_.copy_to(digest, content, read_only.file));
  } else {
    SLUICE_DO(write_tree(objects_, digest, content, read_only));
  }
  std::string manifest(manifest_header);
  SLUICE_DO(describe(content, "", form == Form::directory, manifest));
  SLUICE_DO(os::write_file(container / "manifest", manifest + "end\n", 0444));
  // Other users' processes read it too.
  return os::set_mode(container, 0755);
}

Result<fs::path> MaterializedCopies::materialize(const Digest& digest, Form form) {
  const auto hex = digest.hex();
  const auto container = cache_ / (form == Form::file ? "files" : "trees") / hex.substr(0, 2) / hex;
  const std::scoped_lock lock(creating_[digest.bytes[0] % creating_.size()]);
  // Before it is looked for: a sweep removes it, or sees that it is used.
  utimensat(AT_FDCWD, container.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  if (unmodified(container, form)) return content_of(container, form);

  SLUICE_DO(os::make_directories(cache_ / "tmp"));
  SLUICE_DO(os::make_directories(container.parent_path()));
  SLUICE_TRY(created, os::TemporaryDirectory::make(cache_ / "tmp"));
  SLUICE_DO(write_copy(digest, form, created.path()));
  if (renameat2(AT_FDCWD, created.path().c_str(), AT_FDCWD, container.c_str(), RENAME_NOREPLACE) == 0) {
    static_cast<void>(created.release());
    return content_of(container, form);
  }
  if (errno != EEXIST) return Fail(system_error("rename to " + container.string(), errno));
  // Another process was faster, or the existing copy was modified.
  if (unmodified(container, form)) return content_of(container, form);
  log::warning(container.string() + " was modified by another program; creating it again");
  // Exchanged, so that the path always has a copy; the modified one is removed with `created`.
  if (renameat2(AT_FDCWD, created.path().c_str(), AT_FDCWD, container.c_str(), RENAME_EXCHANGE) != 0)
    return Fail(system_error("replace " + container.string(), errno));
  return content_of(container, form);
}

}  // namespace sluice::stores::directory
