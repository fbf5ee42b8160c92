#include "sluice/app/remote_options.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "sluice/app/sweep_policy.hpp"
#include "sluice/ir/duration.hpp"

namespace sluice::app {
namespace {

/// The words of a variable of the environment, after those of an option.
std::vector<std::string> with_words_of(const char* variable, std::vector<std::string> words) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  std::string_view text = value == nullptr ? "" : value;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
    if (text.empty()) return words;
    const auto end = std::min(text.find_first_of(" \t\n"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace

void add_remote(Command& command, RemoteOptions& into) {
  command.option(
      "--allow-url", into.urls,
      "allow inputs from there: https://HOST, https://*.NAME, http://HOST:PORT, s3://BUCKET, a folder "
      "of one of these; may be repeated; also the words of $SLUICE_ALLOW_URL; default: none",
      {.name = "URL"});
  command.option(
      "--allow-address", into.addresses,
      "allow them to be at such addresses of the own network, such as 10.0.0.0/8; may be repeated; "
      "also the words of $SLUICE_ALLOW_ADDRESS; default: none",
      {.name = "RANGE"});
  command.option("--fetch-bytes-max", into.bytes_max, "the most bytes of one such input; default 10GiB",
                 {.name = "SIZE"});
  command.option("--fetch-time-max", into.time_max, "the longest that fetching it may take; default 1h",
                 {.name = "TIME"});
}

Result<RemotePolicy> remote_policy_of(const RemoteOptions& options) {
  RemotePolicy policy;
  SLUICE_TRY(allowed, remote::AllowedUrls::parse(with_words_of("SLUICE_ALLOW_URL", options.urls),
                                                 with_words_of("SLUICE_ALLOW_ADDRESS", options.addresses)));
  policy.allowed = std::move(allowed);
  if (!options.bytes_max.empty()) {
    SLUICE_TRY(bytes, bytes_option("--fetch-bytes-max", options.bytes_max));
    policy.limits.bytes_max = bytes;
  }
  if (!options.time_max.empty()) {
    const auto time = ir::parse_duration(options.time_max);
    if (!time || *time <= Milliseconds(0))
      return Fail(
          user_error(Code::invalid_argument,
                     fmt::format("--fetch-time-max `{}`: not a time such as 10m or 1h", options.time_max)));
    policy.limits.time_max = *time;
  }
  return policy;
}

}  // namespace sluice::app
