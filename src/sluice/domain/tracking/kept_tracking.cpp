#include "sluice/domain/tracking/kept_tracking.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/tracking.hpp"
#include "sluice/domain/tracking/version_address.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t page = 200;

/// All of them, page by page, in the order of an attribute that every entry has and none shares.
ports::Search everything_by(std::initializer_list<const char*> attributes) {
  ports::Search search{.lifecycle = ports::Lifecycle::any, .limit = page};
  for (const auto* attribute : attributes) search.order.push_back({.key = attribute});
  return search;
}

/// The folder in our own store; nullopt if a client keeps its files elsewhere.
std::optional<std::string> folder_in(std::string_view uri) {
  if (!uri.starts_with(artifact_root)) return std::nullopt;
  uri.remove_prefix(artifact_root.size());
  while (uri.starts_with('/')) uri.remove_prefix(1);
  return std::string(uri);
}

struct VersionPlace {
  std::string model;
  std::string number;
};
/// Of the address of a version whose files are in its repository.
std::optional<VersionPlace> version_at(std::string_view uri) {
  const auto folder = folder_in(uri);
  const auto parsed = folder ? parse_version_path(*folder) : std::nullopt;
  if (!parsed) return std::nullopt;
  auto model = percent_decode(parsed->name);
  if (!model) return std::nullopt;
  return VersionPlace{.model = std::move(*model), .number = std::string(parsed->number)};
}

}  // namespace

Result<void> KeptTracking::experiments(const ports::Take<const ports::Experiment&>& take) {
  for (auto search = everything_by({"experiment_id"});; search.offset += page) {
    SLUICE_TRY(found, runs_.experiments(principal_.workspace, search));
    for (const auto& experiment : found) SLUICE_DO(take(experiment));
    if (found.size() < page) return {};
  }
}

Result<void> KeptTracking::runs(const ports::Experiment& experiment,
                                const ports::Take<const ports::TrackedRun&>& take) {
  for (auto search = everything_by({"start_time", "run_id"});; search.offset += page) {
    SLUICE_TRY(found, runs_.runs(principal_.workspace, {experiment.id}, search));
    for (const auto& run : found) SLUICE_DO(take(run));
    if (found.size() < page) return {};
  }
}

Result<void> KeptTracking::histories(const ports::TrackedRun& run,
                                     const ports::Take<ports::MetricHistory>& take) {
  for (const auto& metric : run.metrics) {
    for (std::size_t offset = 0;; offset += ports::history_points_max) {
      SLUICE_TRY(points,
                 runs_.history(principal_.workspace, run.id, metric.key, offset, ports::history_points_max));
      const bool is_last = points.size() < ports::history_points_max;
      if (!points.empty()) SLUICE_DO(take({.key = metric.key, .points = std::move(points)}));
      if (is_last) break;
    }
  }
  return {};
}

Result<void> KeptTracking::models(const ports::Experiment& experiment,
                                  const ports::Take<const ports::LoggedModel&>& take) {
  for (auto search = everything_by({"creation_timestamp", "model_id"});; search.offset += page) {
    SLUICE_TRY(found, models_.models(principal_.workspace, {experiment.id}, search, {}));
    for (const auto& model : found) SLUICE_DO(take(model));
    if (found.size() < page) return {};
  }
}

Result<void> KeptTracking::traces(const ports::Experiment& experiment,
                                  const ports::Take<const ports::WholeTrace&>& take) {
  constexpr std::size_t spans_bytes_max = std::size_t{256} << 20;
  for (auto search = everything_by({"timestamp_ms", "request_id"});; search.offset += page) {
    SLUICE_TRY(found, traces_.traces(principal_.workspace, {experiment.id}, search));
    for (auto& trace : found) {
      SLUICE_TRY(spans, traces_.spans(principal_.workspace, trace.id, spans_bytes_max));
      SLUICE_DO(take({.trace = std::move(trace), .spans = std::move(spans)}));
    }
    if (found.size() < page) return {};
  }
}

Result<void> KeptTracking::registered(const ports::Take<const ports::RegisteredContent&>& take) {
  SLUICE_TRY(places, registry_.places());
  for (const auto& place : places) {
    if (place.workspace != principal_.workspace) continue;
    SLUICE_TRY(content, registry_.content(place));
    for (auto& version : content.versions)
      if (version.storage.empty()) version.storage = address_of_version(version.model, version.number);
    SLUICE_DO(take(content));
  }
  return {};
}

Result<void> KeptTracking::list(const std::string& uri, const ports::Take<const File&>& take) {
  if (const auto place = version_at(uri)) {
    SLUICE_TRY(version, repositories_.resolve(principal_.workspace, place->model, place->number));
    SLUICE_TRY(files, repositories_.files(principal_.workspace, version));
    for (const auto& file : files) SLUICE_DO(take({.path = file.path, .size = file.size}));
    return {};
  }
  const auto folder = folder_in(uri);
  if (!folder)
    return Fail(user_error(Code::failed_precondition, "clients keep it elsewhere, so it was never here"));
  return list_folder(*folder, "", take);
}

Result<void> KeptTracking::list_folder(const std::string& root, const std::string& folder,
                                       const ports::Take<const File&>& take) {
  const auto full = folder.empty() ? root : root + "/" + folder;
  std::string after;
  for (;;) {
    SLUICE_TRY(entries, files_.list(principal_, full, after, page));
    for (const auto& entry : entries) {
      const auto path = folder.empty() ? entry.name : folder + "/" + entry.name;
      SLUICE_DO(entry.is_folder ? list_folder(root, path, take) : take({.path = path, .size = entry.size}));
    }
    if (entries.size() < page) return {};
    after = entries.back().name + (entries.back().is_folder ? "/" : "");
  }
}

Result<void> KeptTracking::read(const std::string& uri, const std::string& path,
                                const ports::Take<std::string_view>& take) {
  if (const auto place = version_at(uri)) {
    SLUICE_TRY(version, repositories_.resolve(principal_.workspace, place->model, place->number));
    SLUICE_TRY(files, repositories_.files(principal_.workspace, version));
    const auto file = std::ranges::find(files, path, &ports::ModelFile::path);
    if (file == files.end()) return Fail(user_error(Code::not_found, path + ": there is no such file"));
    const ports::ArtifactFile object{.path = path, .digest = file->digest, .size = file->size};
    // Small files are in the repository alone.
    std::error_code failed;
    if (std::filesystem::exists(files_.bytes_of(object), failed)) return read_object(object, take);
    SLUICE_TRY(bytes, repositories_.read(principal_.workspace, version, path));
    return take(bytes);
  }
  SLUICE_TRY(file, files_.find(principal_, folder_in(uri).value_or("") + "/" + path));
  return read_object(file, take);
}

Result<void> KeptTracking::read_object(const ports::ArtifactFile& file,
                                       const ports::Take<std::string_view>& take) const {
  const auto bytes = files_.bytes_of(file);
  std::ifstream in(bytes, std::ios::binary);
  std::array<char, 65'536> block{};
  std::int64_t size = 0;
  while (in) {
    in.read(block.data(), block.size());
    size += in.gcount();
    if (in.gcount() > 0) SLUICE_DO(take({block.data(), static_cast<std::size_t>(in.gcount())}));
  }
  if (in.eof() && size == file.size) return {};
  return Fail(internal_error(
      Code::data_loss,
      "object " + file.digest.hex() + " is missing or damaged; `sluice fsck` lists all of those"));
}

Result<bool> KeptTracking::is_still(const std::string& uri, const File& file,
                                    const ports::ArtifactFile& moved) {
  SLUICE_TRY(found, files_.find(principal_, folder_in(uri).value_or("") + "/" + file.path));
  return found.digest == moved.digest;
}

}  // namespace sluice::tracking
