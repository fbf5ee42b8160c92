#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::syntax {

/// A YAML or JSON document in which every node and key has its location. Scalars are resolved by YAML 1.2's
/// core schema.
struct Node {
  enum class Kind { scalar, list, map } kind = Kind::scalar;
  Location at;
  Value scalar;             ///< kind scalar: null, boolean, integer, number or string
  bool quoted = false;      ///< a scalar written in quotes (or as a block): always a string
  std::vector<Node> items;  ///< kind list
  struct Field {
    std::string key;
    Location at;  ///< of the key
    std::unique_ptr<Node> value;
  };
  std::vector<Field> fields;  ///< kind map, in the order of the text; keys are unique

  [[nodiscard]] const Node* find(std::string_view key) const;
  /// The node as a plain value (maps become structs).
  [[nodiscard]] Value to_value() const;
};

/// Limits on one text. The nodes of aliases count against the same limit, so an alias bomb is an error.
struct TreeLimits {
  std::size_t bytes_max = std::size_t{64} << 20;
  std::size_t depth_max = 200;
  std::size_t nodes_max = 1'000'000;
};

/// Parses one YAML document (JSON is YAML). Duplicate keys, tags, several documents and anything over the
/// limits are errors that name the location; `file` is only the prefix of the messages.
Result<Node> read_yaml(std::string_view text, const std::string& file, TreeLimits limits = {});

}  // namespace sluice::syntax
