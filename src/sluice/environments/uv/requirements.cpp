#include "sluice/environments/uv/requirements.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/ir/python_requirements.hpp"
#include "sluice/os/files.hpp"

namespace sluice::environments {
namespace {

namespace fs = std::filesystem;
using Place = ir::Requirement::Place;

constexpr std::string_view index_option = "--index-url ";

fs::path place_of(const Artifact& source) { return fs::path(source.digest->hex()) / source.name; }

/// Not `https://example.org` for `https://example.org.evil`.
bool begins_with(std::string_view place, std::string_view begin) {
  return place.starts_with(begin) &&
         (begin.ends_with('/') || place.size() == begin.size() || place[begin.size()] == '/');
}

std::string_view how_it_is_required(Place kind) {
  if (kind == Place::path) return "is required by its path on the server's machine";
  return kind == Place::address ? "is required by its address" : "sets an index of packages";
}

/// The host, or the folder.
std::string_view begin_of(const ir::Requirement& requirement) {
  const auto& place = requirement.place;
  if (requirement.kind == Place::path) return place.substr(0, place.rfind('/'));
  return place.substr(0, place.find('/', place.find("://") + 3));
}

Result<Artifact> store_source(fs::path path, ports::ObjectStore& objects) {
  if (path.filename().empty()) path = path.parent_path();  // `/srv/shop/`
  std::error_code error;
  // By a link somebody could have a file read that he may not see, but this process may.
  const auto real = fs::canonical(path, error);
  if (!error && real != path.lexically_normal())
    return Fail(
        user_error(Code::permission_denied,
                   "it is behind a symbolic link; write the path that it leads to: " + os::printable(real)));
  const auto status = fs::status(path, error);
  const bool is_folder = fs::is_directory(status);
  if (!is_folder && !fs::is_regular_file(status))
    return Fail(user_error(Code::not_found, "there is no such file or folder on the server's machine"));
  SLUICE_TRY(stored, is_folder ? objects.put_directory(path) : objects.put_file(path));
  SLUICE_DO(objects.make_durable({stored.digest}));
  return Artifact{.kind = "python-source",
                  .form = is_folder ? Form::directory : Form::file,
                  .digest = stored.digest,
                  .size = stored.size,
                  .name = path.filename().string()};
}

}  // namespace

Result<void> check_allowed(const Requirements& requirements, const std::vector<std::string>& allowed) {
  for (const auto& requirement : requirements) {
    SLUICE_TRY(read, ir::read_requirement(requirement));
    const auto allows = [&](const std::string& begin) { return begins_with(read.place, begin); };
    if (read.kind == Place::none || std::ranges::any_of(allowed, allows)) continue;
    return Fail(user_error(
        Code::permission_denied,
        fmt::format("`{}` {}; whoever operates the server has to allow that: SLUICE_ALLOW_REQUIREMENTS={}/",
                    requirement, how_it_is_required(read.kind), begin_of(read))));
  }
  return {};
}

Result<std::vector<Artifact>> store_sources(const Requirements& requirements, ports::ObjectStore& objects) {
  std::vector<Artifact> stored;
  for (const auto& requirement : requirements) {
    SLUICE_TRY(read, ir::read_requirement(requirement));
    if (read.kind != Place::path) continue;
    auto source = store_source(fs::path(read.place), objects);
    if (!source) return Fail(std::move(source).error().at("`" + requirement + "`"));
    stored.push_back(std::move(*source));
  }
  return stored;
}

Result<void> copy_sources(const std::vector<Artifact>& sources, const ports::ObjectStore& objects,
                          const fs::path& folder) {
  for (const auto& source : sources) {
    const auto copy = folder / place_of(source);
    if (os::exists(copy)) continue;  // required twice
    SLUICE_DO(os::make_directories(copy.parent_path()));
    SLUICE_DO(objects.copy_out(source, copy));
  }
  return {};
}

TextForUv text_for_uv(const Requirements& requirements, const std::vector<Artifact>& sources) {
  TextForUv out;
  auto source = sources.begin();
  for (const auto& requirement : requirements) {
    const auto read = ir::read_requirement(requirement).value_or(ir::Requirement());
    if (read.kind == Place::index || read.kind == Place::extra_index) {
      out.indexes +=
          fmt::format("{}{}\n", read.kind == Place::index ? index_option : "--extra-index-url ", read.place);
      continue;
    }
    auto place = std::string(read.place);
    if (read.kind == Place::path)
      place = fmt::format("file://${{{}}}/{}", sources_variable, place_of(*source++).string());
    const bool has_both = !read.package.empty() && !place.empty();
    out.packages += fmt::format("{}{}{}\n", read.package, has_both ? " @ " : "", place);
  }
  return out;
}

std::vector<std::string> index_options(std::string_view lock) {
  std::vector<std::string> options;
  while (lock.starts_with('-')) {
    const auto line = lock.substr(0, lock.find('\n'));
    if (line.starts_with(index_option))
      options = {"--default-index", std::string(line.substr(index_option.size()))};
    lock.remove_prefix(std::min(lock.size(), line.size() + 1));
  }
  return options;
}

}  // namespace sluice::environments
