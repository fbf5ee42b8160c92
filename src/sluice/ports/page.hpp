#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::ports {

/// A part of a list of names, which is in the order of their bytes.
struct NamePage {
  std::string after = {};  ///< only names that follow this one, which need not exist; "" : from the first
  std::size_t limit = 100;
};

/// A part of the versions of a model, newest first.
struct VersionPage {
  std::int64_t before = INT64_MAX;  ///< only versions with lower numbers
  std::size_t limit = 100;
};

}  // namespace sluice::ports
