#pragma once
#include <string>

#include "sluice/app/backend.hpp"
#include "sluice/base/value.hpp"

namespace sluice::app {

/// An input that the platform is to fetch.
struct RemoteInput {
  std::string url;
  std::string secret = {};  ///< a name; "": none
  std::string kind;         ///< of the artifact
};

/// Has the platform fetch it, and waits; `say` receives a line now and then. Returns the artifact.
Result<Value> fetch_input(Backend& backend, const RemoteInput& input,
                          const std::function<void(const std::string&)>& say);

}  // namespace sluice::app
