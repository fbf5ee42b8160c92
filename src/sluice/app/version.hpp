#pragma once
#include <string>

namespace sluice::app {

/// What `sluice --version` prints: the version, the commit that was built, and the libraries that decide
/// about results and formats.
std::string version_text();

}  // namespace sluice::app
