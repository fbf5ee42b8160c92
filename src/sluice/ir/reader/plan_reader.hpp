#pragma once
// Private to this module: other modules read plans with `read_plan` (plan.hpp) and `parse_plan` (parse.hpp).
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/frontend.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::ir {

using syntax::Node;

/// Builds a plan from one document of canonical text. Every problem is recorded and reading continues, with a
/// valid placeholder for what was wrong.
class PlanReader {
 public:
  explicit PlanReader(const std::string& file) { lowered_.plan.file = file; }
  Frontend::Lowered run(const Node& root);

 private:
  // pipelines.cpp
  Pipeline pipeline(const Node::Field& field);
  Input input(const Node::Field& field);
  Output output(const Node::Field& field);
  std::unique_ptr<Region> inner_region(const Node* graph, Location at);
  void region(const Node& graph, Region& region);
  void concurrency(const Node& holder, Region& region);

  // operations.cpp
  Operation operation(const Node::Field& field);
  void common(const Node& node, Operation& op);
  void process(const Node& node, Operation& op);
  PythonFunction python_function(const Node& node);
  void python_script(const Node& node, Process& made);
  void container(const Node& node, Operation& op);
  void files(const Node& node, Process& made);
  /// A list of arguments; nothing for null. `expected` begins the message for what is no list.
  std::vector<ExpressionPtr> arguments(const Node* node, std::string_view expected);
  void branch(const Node& node, Operation& op);
  void each(const Node& node, Location at, Operation& op);
  Arm arm(const Node& node);
  Environment environment(const Node& node);
  std::vector<std::string> required_packages(const Node& list, const std::string& what);
  TaskOutput task_output(const Node::Field& field);
  Retry retry(const Node& node);
  void cache(const Node& node, Cache& cache);
  Each::OnFailure on_failure(const Node& node);

  // fields.cpp: single fields; each function reports what is wrong with its field
  void problem(Location at, std::string message) { lowered_.problems.push_back({at, std::move(message)}); }
  /// Whether the node is a map; its unknown keys are problems. `what` begins the message: "an input".
  bool map(const Node& node, std::string_view what, std::initializer_list<std::string_view> known);
  bool is_map(const Node& node, std::string_view what);
  /// The scalar's value; a problem if it is not exactly what is spelled.
  const Value& value_of(const Node& node);
  /// Whether scalars, also those in lists, are values, or texts as they are spelled: arguments, environments.
  enum class Scalars { values, texts };
  ExpressionPtr expression(const Node& node, Scalars scalars = Scalars::values);
  std::vector<Named> named(const Node* node, std::string_view what, Scalars scalars = Scalars::values);
  /// A text without expressions, for people.
  std::string plain_text(const Node& node, std::string_view what);
  /// A map without expressions.
  Struct plain_fields(const Node& node, std::string_view what);
  std::string name_in(const Node& node, std::string_view what);  ///< any string
  std::string string(const Node& node, std::string_view what);   ///< a string that is not an expression
  bool boolean(const Node& node, std::string_view what);
  std::int64_t duration(const Node& node, std::string_view what);
  Type type(const Node& holder, Location at, std::string_view what);
  void name(const Node::Field& field, std::string_view what);  ///< checks its length
  /// The index of the node's string in `words`; a problem if it is none of them.
  std::size_t word(const Node& node, std::string_view what, const std::vector<std::string>& words);
  ExpressionPtr raw_expression(const Node& node, Scalars scalars);
  ExpressionPtr scalar_expression(const Node& node, Scalars scalars);

  Frontend::Lowered lowered_;
  std::size_t depth_ = 0;  ///< of regions
};

}  // namespace sluice::ir
