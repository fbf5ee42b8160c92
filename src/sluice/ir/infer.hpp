#pragma once
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/ir/plan.hpp"
#include "sluice/ir/problems.hpp"

namespace sluice::ir {

/// What an operation gives, by name, sorted; the same table serves every call of a pipeline or service.
class OutputTypes {
 public:
  void add(std::string_view name, Type type) { types_.emplace_back(name, std::move(type)); }
  /// To be called once all are added; of equal names the first counts.
  void sort();
  [[nodiscard]] const Type* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> names() const;
  bool known = true;  ///< false: nothing can be said about it

 private:
  std::vector<std::pair<std::string_view, Type>> types_;
};

/// What the names in an expression stand for while types are checked.
struct TypedName {
  std::shared_ptr<const OutputTypes> outputs;  ///< an operation, or `inputs`, `self`
  Type variable;                               ///< otherwise
};
using TypedNames = std::unordered_map<std::string_view, TypedName>;

/// The type of an expression; reports on the way what cannot work: unknown outputs and functions, wrong
/// numbers of arguments, operands that do not fit. Names that are not in `names` can be anything.
Type infer(const syntax::Expression& expression, const TypedNames& names, Problems& problems);

}  // namespace sluice::ir
