#include "sluice/app/predict/asked_pictures.hpp"

#include <filesystem>
#include <utility>

#include "sluice/app/commands/given_folder.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

Result<void> add_folder(const fs::path& folder, AskedPictures& asked) {
  SLUICE_TRY(selection, select_input(folder));
  SLUICE_TRY(found, find_pictures(folder, selection));
  for (const auto& picture : found.pictures.pictures) asked.files.push_back((folder / picture.path).string());
  const auto add_unusable = [&asked](const fs::path& path, std::string_view why) {
    asked.unusable.push_back({.file = path.string(), .error = invalid_argument(os::printable(path), why)});
  };
  for (const auto& [path, why] : found.refused) add_unusable(path, why);
  for (const auto& path : found.pictures.dangling)
    add_unusable(folder / path, "a symlink that leads nowhere in this folder");
  asked.others += found.pictures.others.size();
  return {};
}

}  // namespace

Result<AskedPictures> find_asked_pictures(const std::vector<std::string>& arguments) {
  AskedPictures asked;
  for (const auto& argument : arguments) {
    std::error_code failed;
    if (!fs::is_directory(argument, failed)) {
      asked.files.push_back(argument);
      continue;
    }
    SLUICE_DO(add_folder(argument, asked));
  }
  return asked;
}

}  // namespace sluice::app
