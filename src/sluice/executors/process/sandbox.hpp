#pragma once
// Private to this module: the sandbox of an attempt, which is its folders, inputs and environment.
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/engine/work.hpp"
#include "sluice/executors/process/spare_folders.hpp"
#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/ports/containers.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/secrets.hpp"

namespace sluice::executors {

/// The limit of a task's log; a task that exceeds it is killed.
inline constexpr std::uint64_t log_bytes_max = std::uint64_t{64} << 20;

/// Where an attempt's files are. Derived from the attempt alone, so that an attempt that is reattached after
/// a crash finds its own.
struct Places {
  std::filesystem::path root;  ///< removed when the attempt is acknowledged
  std::filesystem::path log;   ///< kept, if something was printed
  /// What the tasks of the run share (`run.folder`); made when a task first needs it, and not removed here.
  std::filesystem::path folder;

  [[nodiscard]] std::filesystem::path cwd() const { return root / "cwd"; }
  [[nodiscard]] std::filesystem::path in() const { return root / "in"; }
  [[nodiscard]] std::filesystem::path tmp() const { return root / "tmp"; }
  [[nodiscard]] std::filesystem::path home() const { return root / "home"; }
  /// What a function is called with.
  [[nodiscard]] std::filesystem::path call() const { return root / "call.json"; }
  [[nodiscard]] std::filesystem::path out(const std::string& output) const;
};
Places places_of(const std::filesystem::path& data, const ports::Attempt& attempt);
/// The root of the attempt with this fence.
std::filesystem::path root_of(const std::filesystem::path& data, const std::string& fence);
/// The prefix of the folder names of attempts: other entries of `work/` do not belong to this executor.
inline constexpr std::string_view root_prefix = "task-";
/// What a container sees of the sandbox, and where.
inline constexpr std::string_view container_root = "/sluice";
/// Where an attempt with this root reports its progress, if it does.
std::filesystem::path progress_path(const std::filesystem::path& root);
std::filesystem::path log_path(const std::filesystem::path& data, const RunId& run, const std::string& path,
                               int number);

/// After the attempt's end: keeps a log that nothing was printed to for the next attempt.
void release_log(const Places& places);
/// Whether preparing the sandbox and reading the results takes microseconds: nothing is copied, and no
/// artifact is read back.
bool is_light(const engine::TaskSpec& work);

/// One path segment for any text: readable if possible, never longer than a file name may be, different for
/// different texts.
std::string segment_of(const std::string& text);

struct SandboxOptions {
  bool mounts =
      false;  ///< large files and folders are left to the supervisor to mount read-only; else copied
  std::filesystem::path environment = {};   ///< of Python; empty: none
  const ports::Secrets* secrets = nullptr;  ///< null: there are none
  ports::Containers* containers = nullptr;  ///< null: there are none
  std::vector<std::string> variables = {};  ///< of the attempt, see Given::variables
};

/// What the containers of all attempts at this task have in common (ports::Containers::Container::task).
std::string container_task(const ports::Attempt& attempt);

/// Creates the folders, copies the code, materializes the inputs, and fills their paths and those of the
/// outputs into arguments and environment. An existing sandbox of the attempt is replaced.
std::expected<supervisor::Start, engine::Failure> prepare_sandbox(const ports::Attempt& attempt,
                                                                  const Places& places,
                                                                  ports::ObjectStore& objects,
                                                                  SpareFolders& spares,
                                                                  const SandboxOptions& options);

}  // namespace sluice::executors
