#include "sluice/environments/uv/installed_bytes.hpp"

#include <functional>

#include <sys/stat.h>

#include "sluice/os/files.hpp"

namespace sluice::environments {
namespace {

constexpr int depth_max = 100;

using Counts = std::function<bool(const struct stat& info, int depth)>;

/// The files below the folder; `enters` decides on each folder, `counts` on each file.
std::int64_t bytes_below(const std::filesystem::path& folder, const Counts& enters, const Counts& counts,
                         int depth = 0) {
  const auto entries = os::list_directory(folder);
  if (!entries || depth > depth_max) return 0;
  std::int64_t bytes = 0;
  for (const auto& entry : *entries) {
    const auto path = folder / entry.name;
    struct stat info{};
    if (lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      if (enters(info, depth)) bytes += bytes_below(path, enters, counts, depth + 1);
    } else if (S_ISREG(info.st_mode) && counts(info, depth)) {
      bytes += info.st_size;
    }
  }
  return bytes;
}

}  // namespace

std::int64_t installed_bytes(const std::filesystem::path& cache, const std::filesystem::path& environment,
                             std::time_t since) {
  // A package is unpacked beside the folders that hold them, and moved into one then.
  const auto is_new = [&](const struct stat& info, int depth) {
    return depth != 1 || info.st_ctime >= since;
  };
  const auto any = [](const struct stat&, int) { return true; };
  return bytes_below(cache, is_new, [&](const struct stat& info, int) { return info.st_ctime >= since; }) +
         bytes_below(environment, any, [](const struct stat& info, int) { return info.st_nlink == 1; });
}

}  // namespace sluice::environments
