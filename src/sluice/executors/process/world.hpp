#pragma once
// This room's own: what one attempt finds when it starts.
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/ports/executor.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/supervisor/protocol/messages.hpp"

namespace sluice::executors {

/// What every task gets; nothing is inherited.
inline constexpr std::string_view task_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where an attempt's files are. Follows from run, path and number alone.
struct Places {
  std::filesystem::path root;  ///< removed when the attempt has ended
  std::filesystem::path log;   ///< stays

  [[nodiscard]] std::filesystem::path cwd() const { return root / "cwd"; }
  [[nodiscard]] std::filesystem::path in() const { return root / "in"; }
  [[nodiscard]] std::filesystem::path tmp() const { return root / "tmp"; }
  [[nodiscard]] std::filesystem::path home() const { return root / "home"; }
  [[nodiscard]] std::filesystem::path out(const std::string& output) const;
};
Places places_of(const std::filesystem::path& data, const RunId& run, const std::string& path, int number);

/// The program that the first argument means: found along `task_path`, or relative to the code. Nothing where
/// there is none.
std::optional<std::filesystem::path> resolve_program(const std::string& name,
                                                     const std::filesystem::path& cwd);

/// Makes the folders, copies the code in, brings the inputs, fills the paths into arguments and environment.
/// `mounts` allowed: large files and folders are to be shown read-only by the supervisor; else they are
/// copied.
Result<supervisor::Start> lay_out(const ports::Attempt& attempt, const Places& places,
                                  ports::ObjectStore& objects, bool mounts);

}  // namespace sluice::executors
