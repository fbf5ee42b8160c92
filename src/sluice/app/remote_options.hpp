#pragma once
#include <string>
#include <vector>

#include "sluice/app/command_line.hpp"
#include "sluice/domain/remote/remote_files.hpp"

namespace sluice::app {

/// The options that say what may be fetched from elsewhere.
struct RemoteOptions {
  std::vector<std::string> urls;
  std::vector<std::string> addresses;
  std::string bytes_max;  ///< "": the default of remote::RemoteFiles::Limits; likewise the next
  std::string time_max;

  [[nodiscard]] bool names_any() const {
    return !urls.empty() || !addresses.empty() || !bytes_max.empty() || !time_max.empty();
  }
};
void add_remote(Command& command, RemoteOptions& into);

/// What they come to, with the words of SLUICE_ALLOW_URL and SLUICE_ALLOW_ADDRESS.
struct RemotePolicy {
  remote::AllowedUrls allowed;
  remote::RemoteFiles::Limits limits;
};
Result<RemotePolicy> remote_policy_of(const RemoteOptions& options);

}  // namespace sluice::app
