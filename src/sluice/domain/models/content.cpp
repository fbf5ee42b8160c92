#include "sluice/domain/models/content.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>

namespace sluice::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t description_bytes_max = std::size_t{16} << 20;

Fail not_a_folder(std::string_view what) {
  return Fail(user_error(Code::invalid_argument, fmt::format("`{}` is a file; give a folder", what)));
}

/// All files below a folder, as relative paths, sorted.
Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> out;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (std::error_code unknown; !at->is_directory(unknown))  // an unreadable entry fails when it is read
      out.push_back(at->path().lexically_relative(folder));
  if (failed) return Fail(system_error("read folder " + folder.string(), failed.value()));
  std::ranges::sort(out);
  return out;
}

Result<Digest> digest_of_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Hasher hasher;
  std::array<char, 1 << 16> buffer{};
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0)
    hasher.update({buffer.data(), static_cast<std::size_t>(in.gcount())});
  if (!in.eof()) return Fail(environment_error(Code::unavailable, "cannot read " + file.string()));
  return hasher.finish();
}

}  // namespace

Result<void> Content::begin_with(const Artifact& model) {
  if (model.form != Form::directory) return not_a_folder("model");
  return objects_.copy_out(model, folder_);
}

Result<void> Content::add(const Artifact& extra, const std::string& what) {
  if (extra.form != Form::directory) return not_a_folder(what);
  SLUICE_TRY(source, objects_.materialize(extra));
  SLUICE_TRY(files, files_below(source));
  for (const auto& file : files) {
    if (has(file.string())) {
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("{}: the model already has a file `{}`; rename one of them", what, file.string())));
    }
    std::error_code failed;
    fs::create_directories((folder_ / file).parent_path(), failed);
    if (!failed) fs::copy_file(source / file, folder_ / file, failed);
    if (failed) return Fail(system_error("copy to " + (folder_ / file).string(), failed.value()));
  }
  return {};
}

Result<void> Content::write(const std::string& name, const std::string& text) {
  if (has(name)) {
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("`{}` is written by model.register; remove it from the model and the report", name)));
  }
  errno = 0;
  std::ofstream out(folder_ / name, std::ios::binary);
  out << text;
  out.close();
  if (!out) return Fail(system_error("write " + (folder_ / name).string(), errno != 0 ? errno : EIO));
  return {};
}

bool Content::has(const std::string& name) const {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(folder_ / name, ignored));
}

Result<std::string> Content::read(const std::string& name) const {
  std::error_code failed;
  const auto size = fs::file_size(folder_ / name, failed);
  if (failed) return Fail(system_error("read " + name, failed.value()));
  if (size > description_bytes_max)
    return Fail(user_error(Code::too_large, fmt::format("{} is larger than 16 MiB", name)));
  std::ifstream in(folder_ / name, std::ios::binary);
  std::string text(size, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(size)))
    return Fail(environment_error(Code::unavailable, "cannot read " + name));
  return text;
}

Result<std::vector<Subject>> Content::subjects() const {
  SLUICE_TRY(files, files_below(folder_));
  std::vector<Subject> out;
  for (const auto& file : files) {
    SLUICE_TRY(digest, digest_of_file(folder_ / file));
    out.push_back({.path = file.string(), .digest = digest});
  }
  return out;
}

}  // namespace sluice::models
