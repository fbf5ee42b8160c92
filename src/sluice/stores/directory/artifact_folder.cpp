#include "sluice/stores/directory/artifact_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "sluice/base/digest.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores {

std::string ArtifactFolder::uri_of(const std::string& folder) const { return (root_ / folder).string(); }

Result<std::optional<ports::ArtifactFile>> ArtifactFolder::find(const std::string& path) {
  if (!os::exists(root_ / path)) return std::nullopt;
  SLUICE_TRY(fd, os::open_file(root_ / path, O_RDONLY));
  Hasher hasher;
  ports::ArtifactFile found{.path = path, .digest = {}};
  SLUICE_DO(os::read_blocks(fd.get(), root_ / path, [&](std::string_view bytes) -> Result<void> {
    hasher.update(bytes);
    found.size += static_cast<std::int64_t>(bytes.size());
    return {};
  }));
  found.digest = hasher.finish();
  return found;
}

Result<std::vector<ports::ArtifactFile>> ArtifactFolder::files_at(const std::string& uri) {
  std::vector<ports::ArtifactFile> out;
  const auto folder = std::filesystem::path(uri).lexically_normal();
  const auto root = root_.lexically_normal();
  if (std::mismatch(root.begin(), root.end(), folder.begin(), folder.end()).first != root.end()) return out;
  std::error_code failed;
  if (std::filesystem::is_regular_file(folder, failed)) {
    out.push_back({.path = folder.filename().string(), .digest = {}});
    return out;
  }
  if (!os::exists(folder)) return out;
  SLUICE_TRY(files, os::files_below(folder));
  for (const auto& file : files) out.push_back({.path = file.string(), .digest = {}});
  return out;
}

Result<ports::ArtifactFile> ArtifactFolder::put(
    const std::string& path, const std::function<Result<void>(const ports::Take<std::string_view>&)>& fill) {
  const auto file = root_ / path;
  const auto begun = root_ / ".unfinished";
  SLUICE_DO(os::make_directories(file.parent_path()));
  ports::ArtifactFile made{.path = path, .digest = {}};
  Hasher hasher;
  {
    SLUICE_TRY(fd, os::open_file(begun, O_WRONLY | O_CREAT | O_TRUNC));
    auto filled = fill([&](std::string_view bytes) {
      hasher.update(bytes);
      made.size += static_cast<std::int64_t>(bytes.size());
      return os::write_fd(fd.get(), bytes);
    });
    if (!filled) {
      ::unlink(begun.c_str());
      return Fail(std::move(filled).error());
    }
  }
  if (::rename(begun.c_str(), file.c_str()) != 0)
    return Fail(system_error("rename to " + os::printable(file), errno));
  made.digest = hasher.finish();
  return made;
}

}  // namespace sluice::stores
