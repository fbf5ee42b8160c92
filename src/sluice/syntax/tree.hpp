#pragma once
#include <memory>
#include <optional>
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
  bool invalid = false;     ///< a plain scalar without a value, such as `.nan`; `scalar` is null
  std::string spelling;     ///< of a plain scalar that is not a string: its own text, such as `3.10`
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

/// What is done with plain scalars that have no value, such as `.nan` and `1e999`.
enum class InvalidScalars { refuse, keep };

/// Parses one YAML document (JSON is YAML). Merge keys (`<<`) are resolved. Duplicate keys, tags, several
/// documents and anything over the limits are errors that name the location; `file` is only the prefix of the
/// messages.
Result<Node> read_yaml(std::string_view text, const std::string& file, TreeLimits limits = {},
                       InvalidScalars invalid = InvalidScalars::refuse);

/// The same for a text of at least one and at most `documents_max` documents, which share the limits.
Result<std::vector<Node>> read_yaml_documents(std::string_view text, const std::string& file,
                                              std::size_t documents_max, TreeLimits limits = {});

/// What is wrong with the encoding of a text that should be UTF-8; nullopt: nothing.
std::optional<std::string> encoding_problem(std::string_view text);

}  // namespace sluice::syntax
