#pragma once
// This room's own: what one attempt finds when it starts.
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "sluice/engine/work.hpp"
#include "sluice/executors/process/spare_folders.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::executors {

/// A task's log may grow to this; then the task is ended.
inline constexpr std::uint64_t log_bytes_max = std::uint64_t{64} << 20;

/// Where an attempt's files are. Follows from the attempt alone, so that one taken up after a crash finds its
/// own.
struct Places {
  std::filesystem::path root;  ///< goes when the attempt is settled
  std::filesystem::path log;   ///< stays, if something was printed

  [[nodiscard]] std::filesystem::path cwd() const { return root / "cwd"; }
  [[nodiscard]] std::filesystem::path in() const { return root / "in"; }
  [[nodiscard]] std::filesystem::path tmp() const { return root / "tmp"; }
  [[nodiscard]] std::filesystem::path home() const { return root / "home"; }
  [[nodiscard]] std::filesystem::path out(const std::string& output) const;
};
Places places_of(const std::filesystem::path& data, const ports::Attempt& attempt);
/// The root of the attempt with this fence.
std::filesystem::path root_of(const std::filesystem::path& data, const std::string& fence);
/// The fence's folder name begins so: what else is in `work/` is not ours.
inline constexpr std::string_view root_prefix = "task-";
std::filesystem::path log_path(const std::filesystem::path& data, const RunId& run, const std::string& path,
                               int number);

/// After the attempt's end: a log that nothing was printed to becomes the next attempt's.
void give_back_log(const Places& places);
/// Whether laying it out and reading its results takes microseconds: nothing is copied, and no artifact is
/// read back.
bool is_light(const engine::Work& work);

/// One path segment for any text: readable where that is possible, never longer than a file name may be,
/// different for different texts.
std::string segment_of(const std::string& text);

/// Makes the folders, copies the code in, brings the inputs, fills their paths and those of the outputs into
/// arguments and environment. With `mounts`, large files and folders are left to the supervisor to show
/// read-only; else they are copied. What was there of the attempt is replaced.
std::expected<supervisor::Start, engine::Failure> lay_out(const ports::Attempt& attempt, const Places& places,
                                                          ports::ObjectStore& objects, SpareFolders& spares,
                                                          bool mounts);

}  // namespace sluice::executors
