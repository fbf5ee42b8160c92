#pragma once
// Private to this module: reads the fields of a map, and reports those that nobody asked for.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/problems.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::frontends::kubeflow {

using syntax::Location;
using syntax::Node;

/// One map of the text. Each function returns the field, or nothing if it is absent, null, or (which is a
/// problem) of another form.
class MapReader {
 public:
  /// `what` begins messages: "task `train`". Null: an empty map.
  MapReader(const Node* node, std::string what, ir::Problems& problems);

  const Node* any(std::string_view key);
  std::string text(std::string_view key);
  bool flag(std::string_view key);
  std::optional<double> number(std::string_view key);
  /// A number, or a text that holds one: 64-bit integers are texts in JSON of protocol buffers.
  std::optional<std::int64_t> integer(std::string_view key);
  /// The fields of a map, the items of a list; empty if there is none.
  const std::vector<Node::Field>& map(std::string_view key);
  const std::vector<Node>& list(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  /// "3600s" in milliseconds.
  std::optional<std::int64_t> duration(std::string_view key);

  /// Where the field is; the map if it is absent.
  [[nodiscard]] Location place(std::string_view key) const;
  [[nodiscard]] Location at() const { return node_ != nullptr ? node_->at : Location(); }
  /// Fields of which nothing needs to be known.
  void ignore(std::initializer_list<std::string_view> keys);
  /// Reports the fields that were not asked for.
  void end();

 private:
  void wrong(const Node& node, std::string_view key, std::string_view wanted);

  const Node* node_;
  std::string what_;
  ir::Problems& problems_;
  std::vector<std::string_view> asked_;
};

/// A value in which the numbers without a fraction are integers: protocol buffers know only doubles.
Value with_integers(const Value& value);

}  // namespace sluice::frontends::kubeflow
