#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::app {

/// What `sluice doctor` has found out about one thing.
struct Finding {
  enum class Health {
    works,
    limited,  ///< Sluice runs, and `follows` says what for
    fails,    ///< Sluice does not run
  };
  std::string name;     ///< "git-lfs"
  std::string found;    ///< "3.3.0"
  std::string follows;  ///< what that means for the person, and the way out; "" where it works
  Health health = Health::works;
};

Finding works(std::string name, std::string found);
Finding limited(std::string name, std::string found, std::string follows);
Finding fails(std::string name, std::string found, std::string follows);
std::string_view name(Finding::Health health);

/// False: something that Sluice cannot do without is missing.
bool can_run(const std::vector<Finding>& findings);

/// {"runs", "findings": [{"name", "health", "found", "follows"}]}
Value to_json(const std::vector<Finding>& findings);
/// One line a finding, what follows below it, and a last line that sums it up.
std::string print(const std::vector<Finding>& findings);

}  // namespace sluice::app
