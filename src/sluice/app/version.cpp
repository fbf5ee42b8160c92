#include "sluice/app/version.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/app/commit.hpp"
#include "sluice/app/plugins.hpp"

namespace sluice::app {

std::string version_text() {
  return fmt::format("sluice {} ({})\n{}", SLUICE_VERSION, SLUICE_COMMIT,
                     fmt::join(library_versions(), ", "));
}

}  // namespace sluice::app
