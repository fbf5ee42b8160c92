#pragma once
#include <span>

#include "sluice/syntax/expression.hpp"

namespace sluice::syntax {

// Private to this module: what the operators (evaluate.cpp) and the function library (functions.cpp) share.

/// The steps and bytes that one evaluation has used. The functions that charge return false when a limit is
/// exceeded.
class Budget {
 public:
  explicit Budget(EvaluationLimits limits) : limits_(limits) {}
  bool steps(std::size_t n) { return (steps_ += n) <= limits_.steps_max; }
  bool bytes(std::size_t n) { return (bytes_ += n) <= limits_.bytes_max; }
  /// Charges a list or text that the evaluation creates, by its number of elements.
  bool elements(std::size_t n) { return steps(n / 16) && bytes(n * 16); }
  /// The error to return when a limit is exceeded.
  [[nodiscard]] Evaluated exceeded() const;

 private:
  EvaluationLimits limits_;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
};

std::unexpected<Raised> raised(std::string kind, std::string message);
/// "a string", "an integer", … for messages.
std::string kind_with_article(const Value& value);

/// Equality of the language: numbers are compared by their value, 1 == 1.0; values of other kinds are equal
/// only to values of the same kind.
bool same(const Value& a, const Value& b);
/// The order of two numbers or two strings; nullopt: the two cannot be ordered.
std::optional<std::partial_ordering> order(const Value& a, const Value& b);

/// Strings unchanged, artifacts as late paths, everything else as JSON.
Evaluated to_text(const Value& value, Budget& budget);
/// Joins strings and late paths; other values are converted to text.
Evaluated join_texts(std::span<const Value> pieces, Budget& budget);
/// Fails if a new value nests too deep.
Evaluated bounded(Value made, Budget& budget);

/// A function whose arguments are all evaluated and present.
using Function = Evaluated (*)(std::span<const Value> args, Budget& budget);
struct LibraryEntry {
  std::string_view name;
  FunctionArity arity;
  Function function;  ///< null: handles absence or evaluates lazily, so evaluate.cpp implements it
};
const LibraryEntry* find_function(std::string_view name);

}  // namespace sluice::syntax
