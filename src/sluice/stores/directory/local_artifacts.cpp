#include "sluice/stores/directory/local_artifacts.hpp"

#include <fcntl.h>

#include "sluice/base/digest.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;

/// "s3" of "s3://bucket/folder"; "" if it is a path.
std::string scheme_of(std::string_view uri) {
  const auto colon = uri.find(':');
  const auto scheme = uri.substr(0, colon);
  if (colon == std::string_view::npos || scheme.empty() || scheme.contains('/')) return "";
  return std::string(scheme);
}

/// The path in "file:///a/b", "file:/a/b", "mlflow-artifacts://host/a/b".
std::string path_in(std::string_view uri) {
  auto rest = uri.substr(uri.find(':') + 1);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const auto slash = rest.find('/');
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  }
  return std::string(rest);
}

/// `uri` with its last three names below `folder`: those of an experiment, of a run, and "artifacts".
fs::path below(const fs::path& folder, const fs::path& path) {
  fs::path last;
  auto rest = path.lexically_normal();
  if (!rest.has_filename()) rest = rest.parent_path();
  for (int names = 0; names < 3 && rest.has_filename(); ++names, rest = rest.parent_path())
    last = last.empty() ? rest.filename() : rest.filename() / last;
  // Logged models have one more: EXPERIMENT/models/ID/artifacts.
  if (rest.has_filename() && last.begin()->string() == "models") last = rest.filename() / last;
  return folder / last;
}

bool is_folder(const fs::path& path) {
  std::error_code failed;
  return fs::is_directory(path, failed);
}

}  // namespace

Result<fs::path> LocalArtifacts::folder_of(const std::string& uri) const {
  const auto scheme = scheme_of(uri);
  if (scheme == "mlflow-artifacts") {
    if (folders_.served.empty() || !is_folder(folders_.served))
      return Fail(
          user_error(Code::failed_precondition,
                     "a server of MLflow kept it; name the folder of its artifacts with --artifacts"));
    return (folders_.served / fs::path(path_in(uri)).relative_path()).lexically_normal();
  }
  if (!scheme.empty() && scheme != "file")
    return Fail(user_error(Code::failed_precondition, "it is in a store that cannot be read from here (" +
                                                          scheme + "); import from the server that can"));
  fs::path path = uri;
  if (scheme == "file") {
    const auto encoded = path_in(uri);
    path = percent_decode(encoded).value_or(encoded);
  }
  if (path.is_relative()) path = folders_.base / path;
  path = path.lexically_normal();
  if (!is_folder(path) && !folders_.moved.empty()) {
    // What belongs to removed experiments is moved to a folder for those.
    for (const auto& folder : {folders_.moved, folders_.moved / ".trash"})
      if (auto moved = below(folder, path); is_folder(moved)) return moved;
  }
  // Folders of runs without artifacts may be missing; that of all runs is not.
  const auto all = path.parent_path().parent_path().parent_path();
  if (!is_folder(path) && !is_folder(all))
    return Fail(user_error(Code::not_found, "there is no folder " + os::printable(all) +
                                                " on this machine, so what it held is not taken"));
  return path;
}

Result<void> LocalArtifacts::list(const std::string& uri, const ports::Take<const File&>& take) {
  if (uri.empty()) return {};
  auto found = folder_of(uri);
  // A folder of all runs is told of once, not for each run.
  if (!found && found.error().code == Code::not_found && !missing_.insert(found.error().message).second)
    return {};
  SLUICE_DO(found);
  const auto& folder = *found;
  if (!is_folder(folder)) return {};
  SLUICE_TRY(paths, os::files_below(folder));
  std::vector<std::string> others;
  for (const auto& path : paths) {
    std::error_code failed;
    const auto full = folder / path;
    const bool is_file = fs::is_regular_file(fs::symlink_status(full, failed));
    const auto size = is_file ? fs::file_size(full, failed) : 0;
    if (!is_file || failed) {
      others.push_back(os::printable(path));
      continue;
    }
    SLUICE_DO(take(File{.path = path.string(), .size = static_cast<std::int64_t>(size)}));
  }
  if (others.empty()) return {};
  return Fail(
      user_error(Code::failed_precondition,
                 "not regular files: " + others.front() +
                     (others.size() > 1 ? ", and " + std::to_string(others.size() - 1) + " more" : "")));
}

Result<void> LocalArtifacts::read(const std::string& uri, const std::string& path,
                                  const ports::Take<std::string_view>& take) {
  SLUICE_TRY(folder, folder_of(uri));
  SLUICE_TRY(fd, os::open_file(folder / path, O_RDONLY | O_NOFOLLOW));
  return os::read_blocks(fd.get(), folder / path, take);
}

Result<bool> LocalArtifacts::is_still(const std::string& uri, const File& file,
                                      const ports::ArtifactFile& moved) {
  if (file.size != moved.size) return false;
  Hasher hasher;
  SLUICE_DO(read(uri, file.path, [&](std::string_view bytes) -> Result<void> {
    hasher.update(bytes);
    return {};
  }));
  return hasher.finish() == moved.digest;
}

}  // namespace sluice::stores
