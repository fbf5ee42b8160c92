#pragma once
#include <span>

#include "sluice/syntax/expression.hpp"

namespace sluice::syntax {

// Of use in this room only: what the operators (evaluate.cpp) and the function library (functions.cpp) share.

/// What one evaluation has spent. The functions that charge answer false when a limit is passed.
class Budget {
 public:
  explicit Budget(EvaluationLimits limits) : limits_(limits) {}
  bool steps(std::size_t n) { return (steps_ += n) <= limits_.steps_max; }
  bool bytes(std::size_t n) { return (bytes_ += n) <= limits_.bytes_max; }
  /// A list or text of the evaluation's own making, by its number of elements.
  bool elements(std::size_t n) { return steps(n / 16) && bytes(n * 16); }
  [[nodiscard]] Evaluated spent() const;

 private:
  EvaluationLimits limits_;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
};

std::unexpected<Raised> raised(std::string kind, std::string message);
/// "a string", "an integer", … for messages.
std::string a_kind(const Value& value);

/// Numbers are compared by their value, 1 == 1.0; all other kinds only with their own.
bool same(const Value& a, const Value& b);
/// Numbers or strings; nullopt: these two cannot be ordered.
std::optional<std::partial_ordering> order(const Value& a, const Value& b);

/// Strings as they are, artifacts as late paths, all else as JSON.
Evaluated to_text(const Value& value, Budget& budget);
/// Joins strings and late paths; other values are made text.
Evaluated join_texts(std::span<const Value> pieces, Budget& budget);
/// Fails where a value that was just made nests too deep.
Evaluated bounded(Value made, Budget& budget);

/// A function whose arguments are all evaluated and present.
using Function = Evaluated (*)(std::span<const Value> args, Budget& budget);
struct LibraryEntry {
  std::string_view name;
  FunctionArity arity;
  Function function;  ///< null: looks at absence or evaluates lazily, so evaluate.cpp does it
};
const LibraryEntry* find_function(std::string_view name);

}  // namespace sluice::syntax
