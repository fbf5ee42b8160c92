#include "sluice/environments/uv/interpreters.hpp"

#include <cstdlib>
#include <limits>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/numbers.hpp"
#include "sluice/environments/uv/confined_program.hpp"
#include "sluice/ir/python_requirements.hpp"

namespace sluice::environments {
namespace {

constexpr int oldest_minor = 8;  // the oldest that uv supports
constexpr int newest_minor = 40;

/// 11 for "3.11" and "3.11.2".
int minor_of(std::string_view version) {
  version.remove_prefix(std::min<std::size_t>(version.size(), 2));
  return parse_integer<int>(version.substr(0, version.find('.'))).value_or(-1);
}

}  // namespace

std::vector<std::filesystem::path> Interpreters::programs(const std::string& name) const {
  std::vector<std::filesystem::path> found;
  for (const auto& folder : folders_) {
    auto program = folder / name;
    struct stat info{};
    if (stat(program.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(program.c_str(), X_OK) == 0)
      found.push_back(std::move(program));
  }
  return found;
}

Result<std::string> Interpreters::version_of(const std::filesystem::path& program) {
  struct stat info{};
  if (stat(program.c_str(), &info) != 0) return Fail(system_error("stat " + program.string(), errno));
  const auto stamp = fmt::format("{} {} {} {} {}", program.string(), info.st_ino, info.st_size,
                                 info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = versions_.find(stamp); known != versions_.end()) return known->second;
  }
  SLUICE_TRY(asked, run_confined({.program = program,
                                  .argv = {program.string(), "-I", "-S", "-c",
                                           "import sys; print('%d.%d.%d' % sys.version_info[:3])"},
                                  .env = {},
                                  .cwd = "/",
                                  .readable = {},
                                  .writable = {},
                                  .limit = std::chrono::seconds(30)}));
  auto version = asked.output.substr(0, asked.output.find('\n'));
  if (asked.killed || asked.status != 0 || minor_of(version) < 0)
    return Fail(environment_error(
        Code::unavailable, fmt::format("{} does not tell its version: {}", program.string(), asked.output)));
  const std::scoped_lock lock(mutex_);
  versions_.insert_or_assign(stamp, version);
  return version;
}

Result<Interpreter> Interpreters::nearest(const std::string& wanted) {
  std::vector<std::filesystem::path> candidates;
  if (wanted.empty()) candidates = programs("python3");
  int best = std::numeric_limits<int>::max();
  for (int minor = newest_minor; minor >= oldest_minor; --minor) {
    const auto distance = wanted.empty() ? newest_minor - minor : std::abs(minor - minor_of(wanted));
    if (distance >= best || (wanted.empty() && !candidates.empty())) continue;
    auto found = programs(fmt::format("python3.{}", minor));
    if (found.empty()) continue;
    best = distance;
    candidates = std::move(found);
  }
  if (candidates.empty())
    return Fail(
        environment_error(Code::not_found,
                          "there is no Python 3 on this machine; install one (Debian: `apt-get install "
                          "python3`)"));
  SLUICE_TRY(version, version_of(candidates.front()));
  return Interpreter{.program = candidates.front(), .version = std::move(version)};
}

Result<Interpreter> Interpreters::exactly(const std::string& version) {
  for (const auto& name : {fmt::format("python3.{}", minor_of(version)), std::string("python3")})
    for (const auto& program : programs(name)) {
      SLUICE_TRY(found, version_of(program));
      if (found == version) return Interpreter{.program = program, .version = version};
    }
  return Fail(environment_error(
      Code::not_found,
      fmt::format("the run was prepared for Python {}, which is not on this machine any more; "
                  "run the plan again",
                  version)));
}

}  // namespace sluice::environments
