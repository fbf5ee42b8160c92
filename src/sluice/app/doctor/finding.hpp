#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::app {

/// The result of one check of `sluice doctor`.
struct Finding {
  enum class Health {
    works,
    limited,  ///< Sluice runs with the restriction that `follows` describes
    fails,    ///< Sluice does not run
  };
  std::string name;     ///< "git-lfs"
  std::string found;    ///< "3.3.0"
  std::string follows;  ///< the consequence for the user, and a hint; "" if it works
  Health health = Health::works;
};

Finding works(std::string name, std::string found);
Finding limited(std::string name, std::string found, std::string follows);
Finding fails(std::string name, std::string found, std::string follows);
std::string_view name(Finding::Health health);

/// False if something that Sluice requires is missing.
bool can_run(const std::vector<Finding>& findings);

/// {"runs", "findings": [{"name", "health", "found", "follows"}]}
Value to_json(const std::vector<Finding>& findings);
/// One line per finding, its consequence below it, and a summary in the last line.
std::string print(const std::vector<Finding>& findings);

}  // namespace sluice::app
