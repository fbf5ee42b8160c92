#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/frontend.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::frontends::native {

using syntax::Location;
using syntax::Node;

/// Reads one document. Every problem is noted and the reading goes on, with something harmless in the place
/// of what was wrong.
class Lowering {
 public:
  explicit Lowering(const std::string& file) { lowered_.plan.file = file; }
  ir::Frontend::Lowered run(const Node& root);

 private:
  // lower.cpp
  ir::Pipeline pipeline(const Node::Field& field);
  ir::Input input(const Node::Field& field);
  ir::Output output(const Node::Field& field);
  std::unique_ptr<ir::Region> inner_region(const Node* graph, Location at);
  void region(const Node& graph, ir::Region& region);
  void concurrency(const Node& holder, ir::Region& region);

  // operation.cpp
  ir::Operation operation(const Node::Field& field);
  void common(const Node& node, ir::Operation& op);
  void process(const Node& node, ir::Operation& op);
  void branch(const Node& node, ir::Operation& op);
  void each(const Node& node, Location at, ir::Operation& op);
  ir::Arm arm(const Node& node);
  ir::TaskOutput task_output(const Node::Field& field);
  ir::Retry retry(const Node& node);
  void cache(const Node& node, ir::Cache& cache);
  ir::Each::OnFailure on_failure(const Node& node);

  // fields.cpp: the small things, each with its problem
  void problem(Location at, std::string message) { lowered_.problems.push_back({at, std::move(message)}); }
  /// Whether the node is a map; its unknown keys are problems. `what` begins the message: "an input".
  bool map(const Node& node, std::string_view what, std::initializer_list<std::string_view> known);
  bool is_map(const Node& node, std::string_view what);
  ir::ExpressionPtr expression(const Node& node);
  std::vector<ir::Named> named(const Node* node, std::string_view what);
  std::string name_in(const Node& node, std::string_view what);  ///< any text
  std::string string(const Node& node, std::string_view what);   ///< a text that is no expression
  bool boolean(const Node& node, std::string_view what);
  std::int64_t duration(const Node& node, std::string_view what);
  ir::Type type(const Node& holder, Location at, std::string_view what);
  bool name(const Node::Field& field, std::string_view what);
  /// One of the words; its index.
  std::size_t word(const Node& node, std::string_view what, const std::vector<std::string>& words);
  ir::ExpressionPtr raw_expression(const Node& node);

  ir::Frontend::Lowered lowered_;
  std::size_t depth_ = 0;  ///< of regions
};

}  // namespace sluice::frontends::native
