#include "sluice/domain/tracking/version_address.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {
namespace {

constexpr std::string_view models_folder = "models/";

}  // namespace

std::string address_of_version(std::string_view model, std::int64_t number) {
  return fmt::format("{}{}{}/{}", artifact_root, models_folder, percent_encode(model), number);
}

std::optional<VersionPath> parse_version_path(std::string_view path) {
  if (!path.starts_with(models_folder)) return std::nullopt;
  path.remove_prefix(models_folder.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  VersionPath out{.name = path.substr(0, slash)};
  path.remove_prefix(slash + 1);
  const auto end = std::min(path.find('/'), path.size());
  out.number = path.substr(0, end);
  if (!parse_integer<std::int64_t>(out.number)) return std::nullopt;
  path.remove_prefix(std::min(end + 1, path.size()));
  while (path.ends_with('/')) path.remove_suffix(1);
  out.path = path;
  return out;
}

}  // namespace sluice::tracking
