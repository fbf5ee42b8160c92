#include "sluice/domain/ai/picture_folder.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/format.h>

#include "sluice/base/leftovers.hpp"
#include "sluice/base/picture_format.hpp"

namespace sluice::ai {
namespace {

bool is_passed_over(std::string_view path) {
  for (std::string_view rest = path; !rest.empty();) {
    const auto name = rest.substr(0, rest.find('/'));
    if (name.starts_with('.') || is_leftover(name)) return true;
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return false;
}

/// One whose bytes are missing is no picture by its content; reading it later says so.
bool is_picture(const ports::ObjectStore& objects, const ports::TreeFile& file) {
  if (has_picture_name(file.path.substr(file.path.rfind('/') + 1))) return true;
  std::array<char, picture_format_bytes> start{};
  std::ifstream bytes(objects.path_of(file.digest), std::ios::binary);
  bytes.read(start.data(), start.size());
  return picture_format({start.data(), static_cast<std::size_t>(bytes.gcount())}).has_value();
}

}  // namespace

Result<PictureFolder> picture_folder(const ports::ObjectStore& objects, const Artifact& artifact,
                                     const std::string& name) {
  if (artifact.form != Form::directory)
    return Fail(user_error(Code::invalid_argument,
                           "`" + name + "` is a file; give the folder that holds the pictures"));
  SLUICE_TRY(listing, objects.list(artifact));
  PictureFolder folder{.folders = std::move(listing.folders), .dangling = std::move(listing.dangling)};
  for (auto* paths : {&folder.folders, &folder.dangling}) std::erase_if(*paths, is_passed_over);
  for (auto& file : listing.files) {
    if (is_passed_over(file.path)) continue;
    if (is_picture(objects, file))
      folder.pictures.push_back(std::move(file));
    else
      folder.others.push_back(std::move(file.path));
  }
  return folder;
}

std::string describe_dangling(const std::string& path) {
  return fmt::format("`{}` is a symlink that leads nowhere; remove it, or put the picture in its place",
                     path);
}

}  // namespace sluice::ai
