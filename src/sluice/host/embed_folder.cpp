#include "sluice/host/embed_folder.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host {
namespace {

// Maximum number in flight: enough to keep all threads busy, few enough that a request in between waits only
// briefly.
constexpr std::size_t in_flight_max = 12;
constexpr std::size_t file_bytes_max = std::size_t{256} << 20;
constexpr std::array extensions = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"};

bool is_picture(const std::filesystem::path& file) {
  if (std::ranges::find(extensions, lower_ascii(file.extension().native())) != extensions.end()) return true;
  std::array<char, 16> start{};
  const auto opened = os::open_file(file, O_RDONLY | O_NONBLOCK);
  if (!opened) return false;
  const auto got = ::read(opened->get(), start.data(), start.size());
  return got > 0 && media::picture_format({start.data(), static_cast<std::size_t>(got)}).has_value();
}

Result<void> collect(const std::filesystem::path& folder, const std::string& prefix,
                     std::vector<std::string>& out) {
  SLUICE_TRY(entries, os::list_directory(folder));
  for (const auto& entry : entries) {
    if (entry.name.starts_with('.')) continue;
    auto kind = entry.kind;
    // A symlink to a file counts as a file; symlinks to folders are skipped, since they can form cycles.
    std::error_code broken;
    if (kind == os::DirectoryEntry::Kind::symlink &&
        std::filesystem::is_regular_file(folder / entry.name, broken))
      kind = os::DirectoryEntry::Kind::file;
    if (kind == os::DirectoryEntry::Kind::directory)
      SLUICE_DO(collect(folder / entry.name, prefix + entry.name + "/", out));
    if (kind == os::DirectoryEntry::Kind::file && is_picture(folder / entry.name))
      out.push_back(prefix + entry.name);
  }
  return {};
}

}  // namespace

Result<Features> embed_folder(Embedder& embedder, const std::filesystem::path& pictures,
                              const std::function<void(std::size_t done, std::size_t total)>& progress) {
  Features out;
  out.columns = embedder.base().network->output_elements();
  SLUICE_DO(collect(pictures, "", out.paths));
  if (out.paths.empty())
    return Fail(user_error(Code::invalid_argument,
                           "no pictures in the folder; supported formats are PNG, JPEG, WebP, GIF and TIFF"));
  std::ranges::sort(out.paths);
  out.values.resize(out.paths.size() * out.columns);

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_flight = 0;
  std::size_t done = 0;
  std::map<std::size_t, Error> errors;
  for (std::size_t i = 0; i < out.paths.size(); ++i) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return in_flight < in_flight_max; });
      if (!errors.empty()) break;
      ++in_flight;
    }
    embedder.submit(
        [file = pictures / out.paths[i]]() -> Result<media::Picture> {
          auto bytes = os::read_file(file, file_bytes_max);
          if (!bytes) return Fail(std::move(bytes).error());
          return media::decode_picture(*bytes);
        },
        [&, i](Result<std::vector<float>> row) {
          if (row) std::ranges::copy(*row, out.values.begin() + static_cast<std::ptrdiff_t>(i * out.columns));
          const std::lock_guard lock(mutex);
          progress(++done, out.paths.size());
          if (!row) errors.emplace(i, std::move(row).error().at(out.paths[i]));
          --in_flight;
          changed.notify_all();
        });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return in_flight == 0; });
  if (!errors.empty()) return Fail(std::move(errors.begin()->second));
  return out;
}

}  // namespace sluice::host
