#include "sluice/domain/tracking/artifact_files.hpp"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t path_bytes_max = 4096;

constexpr int decoded_again_max = 10;

std::vector<std::string_view> names_of(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    names.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

/// Also for a client that stores the file on Windows, where `\` is between names too, and a drive leads away.
bool leaves_root(std::string_view path) {
  if (path.starts_with('/')) return true;
  for (const auto& name : names_of(path)) {
    if (name.starts_with('\\') || (name.size() > 2 && name.substr(1, 2) == ":\\")) return true;
    for (const auto part : std::views::split(name, '\\'))
      if (std::string_view(part) == "..") return true;
  }
  return false;
}

Error invalid_path() { return user_error(Code::invalid_argument, "Invalid path"); }

}  // namespace

Result<std::string> checked_artifact_path(std::string_view path) {
  if (path.size() > path_bytes_max || !is_utf8(path) || path.contains('\0') || leaves_root(path))
    return Fail(invalid_path());
  // Some clients decode what was decoded already.
  auto decoded = std::string(path);
  for (int times = 0; times < decoded_again_max; ++times) {
    auto again = percent_decode(decoded);
    if (!again || *again == decoded) break;
    decoded = std::move(*again);
    if (decoded.contains('\0') || leaves_root(decoded)) return Fail(invalid_path());
  }
  std::string out;
  for (const auto& name : names_of(path))
    if (!name.empty() && name != ".") out.append(out.empty() ? "" : "/").append(name);
  return out;
}

Result<std::string> ArtifactFiles::place_of(const Principal& principal, std::string_view path) const {
  SLUICE_TRY(place, checked_artifact_path(path));
  if (place.empty()) return Fail(invalid_path());
  for (auto slash = place.find('/'); slash != std::string::npos; slash = place.find('/', slash + 1)) {
    SLUICE_TRY(above, paths_.find(principal.workspace, place.substr(0, slash)));
    if (above)
      return Fail(user_error(Code::failed_precondition,
                             fmt::format("`{}` is a file, so nothing can be stored below it", above->path)));
  }
  SLUICE_TRY(below, paths_.list(principal.workspace, place, "", 1));
  if (!below.empty())
    return Fail(user_error(Code::failed_precondition, fmt::format("`{}` is a folder of artifacts", place)));
  return place;
}

Result<ports::ArtifactFile> ArtifactFiles::keep(const Principal& principal, std::string place,
                                                const ports::Stored& stored) {
  ports::ArtifactFile made{.path = std::move(place), .digest = stored.digest, .size = stored.size};
  // Objects before what names them.
  if (durable_) SLUICE_DO(objects_.make_durable({stored.digest}));
  SLUICE_DO(paths_.put(principal, made, clock_.now()));
  return made;
}

Result<ports::ArtifactFile> ArtifactFiles::put(const Principal& principal, std::string_view path,
                                               const std::filesystem::path& file,
                                               const std::optional<Digest>& known) {
  SLUICE_TRY(place, place_of(principal, path));
  SLUICE_TRY(stored, objects_.take_file(file, known));
  return keep(principal, std::move(place), stored);
}

Result<ports::ArtifactFile> ArtifactFiles::put(
    const Principal& principal, std::string_view path,
    const std::function<Result<void>(const std::function<Result<void>(std::string_view)>&)>& fill) {
  SLUICE_TRY(place, place_of(principal, path));
  SLUICE_TRY(object, objects_.begin());
  SLUICE_DO(fill([&](std::string_view bytes) { return object->append(bytes); }));
  SLUICE_TRY(stored, object->finish());
  return keep(principal, std::move(place), stored);
}

Result<ports::ArtifactFile> ArtifactFiles::put(const Principal& principal, std::string_view path,
                                               const ports::Stored& stored) {
  SLUICE_TRY(place, place_of(principal, path));
  return keep(principal, std::move(place), stored);
}

Result<void> ArtifactFiles::check(const Principal& principal, std::string_view path) const {
  SLUICE_DO(place_of(principal, path));
  return {};
}

Result<ports::ArtifactFile> ArtifactFiles::put_object(
    const std::function<Result<void>(const std::function<Result<void>(std::string_view)>&)>& fill) {
  SLUICE_TRY(object, objects_.begin());
  SLUICE_DO(fill([&](std::string_view bytes) { return object->append(bytes); }));
  SLUICE_TRY(stored, object->finish());
  return ports::ArtifactFile{.path = {}, .digest = stored.digest, .size = stored.size};
}

Result<std::vector<ports::ArtifactFile>> files_below(const ports::ArtifactPaths& paths,
                                                     const std::string& workspace, const std::string& root) {
  constexpr std::size_t page = 1000;
  std::vector<ports::ArtifactFile> files;
  if (root.empty()) return files;
  const auto place_of = [&](const std::string& below) {
    auto place = root;
    if (!below.empty()) place.append("/").append(below);
    return place;
  };
  std::vector<std::string> folders{""};
  while (!folders.empty()) {
    const auto folder = std::move(folders.back());
    folders.pop_back();
    std::string after;
    for (bool is_last = false; !is_last;) {
      SLUICE_TRY(entries, paths.list(workspace, place_of(folder), after, page));
      for (const auto& entry : entries) {
        const auto path = folder.empty() ? entry.name : folder + "/" + entry.name;
        after = entry.name + (entry.is_folder ? "/" : "");
        if (entry.is_folder) {
          folders.push_back(path);
          continue;
        }
        SLUICE_TRY(file, paths.find(workspace, place_of(path)));
        if (file) files.push_back({.path = path, .digest = file->digest, .size = file->size});
      }
      is_last = entries.size() < page;
    }
  }
  if (files.empty()) {
    SLUICE_TRY(file, paths.find(workspace, root));
    if (file)
      files.push_back({.path = root.substr(root.rfind('/') + 1), .digest = file->digest, .size = file->size});
  }
  std::ranges::sort(files, {}, &ports::ArtifactFile::path);
  return files;
}

Result<std::vector<ports::ArtifactFile>> ArtifactFiles::files_below(const Principal& principal,
                                                                    std::string_view folder) const {
  SLUICE_TRY(root, checked_artifact_path(folder));
  return tracking::files_below(paths_, principal.workspace, root);
}

Result<ports::ArtifactFile> ArtifactFiles::find(const Principal& principal, std::string_view path) const {
  SLUICE_TRY(place, checked_artifact_path(path));
  SLUICE_TRY(found, paths_.find(principal.workspace, place));
  if (found) return std::move(*found);
  SLUICE_TRY(below, paths_.list(principal.workspace, place, "", 1));
  if (!below.empty())
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Artifact path refers to a directory, not a file: '{}'", place)));
  return Fail(user_error(Code::not_found, fmt::format("No such artifact: '{}'", place)));
}

Result<std::vector<ports::ArtifactEntry>> ArtifactFiles::list(const Principal& principal,
                                                              std::string_view folder,
                                                              const std::string& after,
                                                              std::size_t limit) const {
  SLUICE_TRY(place, checked_artifact_path(folder));
  return paths_.list(principal.workspace, place, after, limit);
}

Result<void> ArtifactFiles::remove(const Principal& principal, std::string_view path) {
  SLUICE_TRY(place, checked_artifact_path(path));
  if (place.empty()) return Fail(invalid_path());
  SLUICE_DO(paths_.remove(principal.workspace, place));
  return {};
}

}  // namespace sluice::tracking
