#include "sluice/app/sweep_policy.hpp"

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/duration.hpp"

namespace sluice::app {
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
  command.option("--cache-bytes", into.cache_bytes,
                 "remove what can be made again beyond this size, the least recently used first; default: " +
                     cache_default,
                 {.name = "SIZE"});
}

Result<storage::Policy> policy_of(const KeepOptions& options) {
  storage::Policy policy;
  if (!options.keep_runs.empty()) {
    policy.keep_runs = ir::parse_duration(options.keep_runs);
    if (!policy.keep_runs)
      return Fail(
          user_error(Code::invalid_argument,
                     fmt::format("--keep-runs `{}`: not a time such as 30d or 12h", options.keep_runs)));
  }
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
