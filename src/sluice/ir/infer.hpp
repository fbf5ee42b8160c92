#pragma once
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::ir {

/// The types of an operation's outputs, sorted by name; all calls of a pipeline or service share one table.
class OutputTypes {
 public:
  void add(std::string_view name, Type type) { types_.emplace_back(name, std::move(type)); }
  /// To be called after all are added; of equal names the first counts.
  void sort();
  [[nodiscard]] const Type* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> names() const;
  bool known = true;  ///< false: the outputs are unknown

 private:
  std::vector<std::pair<std::string_view, Type>> types_;
};

/// What a name in an expression refers to while types are checked.
struct TypedName {
  std::shared_ptr<const OutputTypes> outputs;  ///< of an operation, `inputs` or `self`
  Type variable;                               ///< of anything else, if `outputs` is null
};
using TypedNames = std::unordered_map<std::string_view, TypedName>;

/// Returns the type of an expression, and reports what is wrong in it: unknown outputs and functions, wrong
/// numbers of arguments, operands of the wrong type. Names that are not in `names` have type any.
Type infer(const syntax::Expression& expression, const TypedNames& names, Problems& problems);

}  // namespace sluice::ir
