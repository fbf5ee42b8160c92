#pragma once
// Finds and identifies the program of a command.
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "sluice/base/digest.hpp"
#include "sluice/engine/work.hpp"
#include "sluice/ports/secrets.hpp"

namespace sluice::executors {

/// What every task gets as PATH, unless the plan sets another: Debian's for root.
inline constexpr std::string_view task_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A name without a slash is searched for along `path`; one with a slash is a path, relative to `cwd` unless
/// absolute. The error says where it was searched for and what to do.
Result<std::filesystem::path> find_program_of(const std::string& name, const std::string& path,
                                              const std::filesystem::path& cwd);

/// Identifies executables: their real paths, so that another python3 behind the same link is noticed, and the
/// digests of their bytes, each read once as long as the file appears unchanged. Thread-safe.
class ProgramDigests {
 public:
  struct Program {
    std::string real;  ///< the path with all links followed
    Digest digest;
  };
  Result<Program> of(const std::filesystem::path& program);

 private:
  using Stamp = std::tuple<std::string, std::uint64_t, std::uint64_t, std::int64_t, std::int64_t,
                           std::int64_t, std::int64_t, std::int64_t>;
  std::mutex mutex_;
  std::map<Stamp, Program> known_;
};

/// The program that executes the work, for the cache key: {"pinned": false, "executable": path, "digest":
/// hex}. A program that comes with the code or as an input has no digest here: it is in the key as part of
/// those. Of a container {"pinned": true, "image": digest}. Of a Python environment also "python":
/// {"version", "lock": hex}; of secrets "secrets": {"NAME.KEY": version}, of those of the default workspace.
/// `secrets` may be null.
Result<Value> environment_of(const engine::TaskSpec& work, ProgramDigests& digests,
                             const ports::Secrets* secrets);

/// Whether a variable of the task is a secret.
bool uses_secrets(const engine::TaskSpec& work);

}  // namespace sluice::executors
