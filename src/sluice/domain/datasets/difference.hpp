#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/domain/datasets/examples.hpp"

namespace sluice::datasets {

/// What became of an example from one version to another. Examples are the same if their bytes are: a file
/// that was only renamed has not changed.
struct Change {
  enum class Kind { added, removed, relabelled };
  Kind kind = Kind::added;
  std::string path;                  ///< in the later version; of one that was removed, in the earlier one
  std::vector<std::string> labels;   ///< likewise
  std::vector<std::string> earlier;  ///< the former labels of one that was relabelled
  bool operator==(const Change&) const = default;
};
std::string_view name(Change::Kind kind);

struct Difference {
  std::int64_t added = 0;
  std::int64_t removed = 0;
  std::int64_t relabelled = 0;
  std::vector<Change> changes;  ///< sorted by path
};

/// Of equal examples within a version, the labels count together.
Difference difference(const Examples& earlier, const Examples& later);

}  // namespace sluice::datasets
