#include "sluice/app/sweep_policy.hpp"

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/duration.hpp"

namespace sluice::app {
namespace {

/// nullopt: not given.
Result<std::optional<Milliseconds>> time_option(const std::string& option, const std::string& value) {
  if (value.empty()) return std::nullopt;
  const auto time = ir::parse_duration(value);
  if (!time)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("{} `{}`: not a time such as 30d or 12h", option, value)));
  return time;
}

}  // namespace

Result<std::int64_t> bytes_option(const std::string& option, const std::string& value) {
  const auto bytes = bytes_of(value);
  if (!bytes)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("{} `{}`: not a size such as 500MB or 20GB", option, value)));
  return static_cast<std::int64_t>(*bytes);
}

void add_keep(Command& command, KeepOptions& into, const std::string& cache_default) {
  command.option("--keep-runs", into.keep_runs,
                 "remove runs that ended longer ago than this, such as 30d; default: keep all",
                 {.name = "TIME"});
  command.option("--keep-last", into.keep_last, "but keep this many of the newest", {.name = "N"});
  command.option("--keep-removed", into.keep_removed,
                 "erase what clients of MLflow removed longer ago than this, such as 30d; default: keep all",
                 {.name = "TIME"});
  command.option("--cache-bytes", into.cache_bytes,
                 "remove what can be made again beyond this size, the least recently used first; default: " +
                     cache_default,
                 {.name = "SIZE"});
}

Result<storage::Policy> policy_of(const KeepOptions& options) {
  storage::Policy policy;
  SLUICE_TRY(keep_runs, time_option("--keep-runs", options.keep_runs));
  policy.keep_runs = keep_runs;
  SLUICE_TRY(keep_removed, time_option("--keep-removed", options.keep_removed));
  policy.keep_removed = keep_removed;
  if (!options.keep_last.empty()) {
    policy.keep_last = parse_integer<std::int64_t>(options.keep_last);
    if (!policy.keep_last || *policy.keep_last < 0)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("--keep-last `{}`: not a number of runs", options.keep_last)));
  }
  if (!options.cache_bytes.empty()) {
    SLUICE_TRY(bytes, bytes_option("--cache-bytes", options.cache_bytes));
    policy.cache_bytes = bytes;
  }
  return policy;
}

}  // namespace sluice::app
