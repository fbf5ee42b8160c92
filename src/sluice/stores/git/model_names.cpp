#include "sluice/stores/git/model_names.hpp"

#include <algorithm>

#include <sys/stat.h>

#include "sluice/stores/git/names.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::string_view suffix = ".git";

bool is_folder(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Result<std::vector<std::string>> ModelNames::page(const ports::NamePage& page) {
  const std::scoped_lock lock(mutex_);
  SLUICE_DO(update());
  const auto begin = std::ranges::upper_bound(names_, page.after);
  const auto left = static_cast<std::size_t>(names_.end() - begin);
  return std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(std::min(page.limit, left)));
}

Result<void> ModelNames::update() {
  auto changes = watch_ ? watch_->changes() : std::nullopt;
  if (!changes) return list_folder();
  std::ranges::sort(*changes);
  const auto repeated = std::ranges::unique(*changes);
  changes->erase(repeated.begin(), repeated.end());
  for (const auto& file : *changes) {
    if (auto done = look_again(file); !done) {
      watch_.reset();  // a change that is not in the list must not be forgotten
      return done;
    }
  }
  return {};
}

Result<void> ModelNames::list_folder() {
  watch_.reset();
  names_.clear();
  long_names_.clear();
  // Watched first: what changes while it is listed is looked at again.
  auto watch = os::FolderWatch::begin(folder_);
  if (!watch && watch.error().code == Code::not_found) return {};
  SLUICE_TRY(entries, os::list_directory(folder_));
  for (const auto& entry : entries) {
    if (entry.kind != os::DirectoryEntry::Kind::directory) continue;
    SLUICE_TRY(name, name_of(entry.name));
    if (!name) continue;
    if (entry.name.contains('=')) long_names_.emplace(entry.name, *name);
    names_.push_back(std::move(*name));
  }
  std::ranges::sort(names_);
  if (watch) watch_ = std::move(*watch);
  return {};
}

Result<void> ModelNames::look_again(const std::string& file) {
  if (!file.ends_with(suffix)) return {};
  std::optional<std::string> name;
  const bool exists = is_folder(folder_ / file);
  if (const auto known = long_names_.find(file); known != long_names_.end()) {
    name = known->second;
    if (!exists) long_names_.erase(known);
  } else if (exists || !file.contains('=')) {
    SLUICE_TRY(read, name_of(file));
    name = std::move(read);
    if (name && file.contains('=')) long_names_.emplace(file, *name);
  }
  if (!name) return {};
  const auto place = std::ranges::lower_bound(names_, *name);
  const bool listed = place != names_.end() && *place == *name;
  if (exists && !listed) names_.insert(place, std::move(*name));
  if (!exists && listed) names_.erase(place);
  return {};
}

Result<std::optional<std::string>> ModelNames::name_of(const std::string& file) const {
  if (!file.ends_with(suffix)) return std::nullopt;
  const auto encoded = file.substr(0, file.size() - suffix.size());
  if (!encoded.contains('=')) return decode_name(encoded);
  return long_name_(file);
}

}  // namespace sluice::stores::git
