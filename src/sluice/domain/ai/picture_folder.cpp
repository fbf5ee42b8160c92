#include "sluice/domain/ai/picture_folder.hpp"

#include <algorithm>
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

std::string first_bytes_of(const std::filesystem::path& file) {
  std::string start(picture_format_bytes, '\0');
  std::ifstream bytes(file, std::ios::binary);
  bytes.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(bytes.gcount()));
  return start;
}

}  // namespace

Result<PictureFolder> picture_folder(const ports::ObjectStore& objects, const Artifact& artifact,
                                     const std::string& name) {
  if (artifact.form != Form::directory)
    return Fail(user_error(Code::invalid_argument,
                           "`" + name + "` is a file; give the folder that holds the pictures"));
  SLUICE_TRY(listing, objects.list(artifact));
  // One whose bytes are missing is no picture by its content; reading it later says so.
  return picture_folder(std::move(listing), [&objects](const ports::TreeFile& file) {
    return first_bytes_of(objects.path_of(file.digest));
  });
}

PictureFolder picture_folder(ports::Listing listing,
                             const std::function<std::string(const ports::TreeFile&)>& first_bytes) {
  PictureFolder folder{.folders = std::move(listing.folders), .dangling = std::move(listing.dangling)};
  for (auto* paths : {&folder.folders, &folder.dangling}) std::erase_if(*paths, is_passed_over);
  for (auto& file : listing.files) {
    if (is_passed_over(file.path)) continue;
    if (has_picture_name(file.path.substr(file.path.rfind('/') + 1)) || picture_format(first_bytes(file)))
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
