#pragma once
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/syntax/location.hpp"

namespace sluice::syntax {

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

enum class Operator {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  logical_and,
  logical_or,
  logical_not,
  negate,
  in
};

/// The one expression tree that every surface syntax is parsed into. Immutable and shared.
struct Expression {
  enum class Kind {
    literal,    ///< `literal`
    name,       ///< `text`: a root: an operation, a loop variable, `inputs`, `run`, …
    field,      ///< args[0].text
    index,      ///< args[0][args[1]]
    operation,  ///< `op` on one or two args
    call,       ///< text(args…): a function of the library
    list,       ///< [args…]
    structure,  ///< {keys[i]: args[i], …}
    text,  ///< a string with embedded expressions: args joined as text; literal args are the fixed pieces
  };
  Kind kind = Kind::literal;
  Location at;
  Value literal;
  std::string text;
  Operator op = Operator::add;
  std::vector<ExpressionPtr> args;
  std::vector<std::string> keys;

  static ExpressionPtr of(Value literal, Location at = {});
};

/// Parses a YAML scalar of a plan: a scalar that is one `${…}` keeps the type of its expression; embedded
/// ones make a text; `$${` is a literal `${`; a string without `${` is a literal. `at` is the location of the
/// scalar's first character.
Result<ExpressionPtr> parse_scalar(std::string_view scalar, Location at);
/// Parses a bare expression: the text between `${` and `}`. Nesting is limited (200). Names that are not
/// identifiers are written in backticks. On failure the message begins with "LINE:COLUMN: ", counted from
/// `at`.
Result<ExpressionPtr> parse_expression(std::string_view source, Location at);

/// The same two parsers for a caller that collects problems: the location of a failure is separate from its
/// message.
std::expected<ExpressionPtr, Diagnostic> read_scalar(std::string_view scalar, Location at);
std::expected<ExpressionPtr, Diagnostic> read_expression(std::string_view source, Location at);

/// No parsed tree is deeper: the parsers refuse deeper expressions. `depth_of` counts the lists and structs
/// inside literals too.
inline constexpr int expression_depth_max = 200;
int depth_of(const Expression& expression);

/// The canonical text of an expression, without `${}`; of a scalar, with it where needed. Inverse of the two
/// parsers.
std::string print_expression(const Expression& expression);
std::string print_scalar(const Expression& expression);

/// Calls `visit(root name, the chain of constant field names after it, location)` for each reference in the
/// tree, outermost chain once: `a.b.c` is visited as ("a", {"b", "c"}).
void visit_references(
    const Expression& expression,
    const std::function<void(std::string_view root, const std::vector<std::string_view>& fields,
                             Location at)>& visit);

/// The variable of `map(list, variable, expression)`, a name only of that expression; null: it is no such
/// call.
const std::string* variable_of_map(const Expression& expression);

/// The result of an evaluation is a value, absent (docs/plans.md, Absent values), or a raised error that a
/// plan can catch.
struct Raised {
  std::string kind;  ///< "key", "type", "zero_division", "overflow", "value", "required", …
  std::string message;
  Value payload;
};
using Maybe = std::optional<Value>;  ///< nullopt: absent
using Evaluated = std::expected<Maybe, Raised>;

/// Resolves the names of an expression.
class Scope {
 public:
  virtual ~Scope() = default;
  /// The value of a root name; absent if it has none yet. The verifier has already refused unknown names.
  [[nodiscard]] virtual Evaluated lookup(std::string_view name) const = 0;
  /// status(op), error(op): from the state of the operation; absent if it has not ended.
  [[nodiscard]] virtual Evaluated status_of(std::string_view operation) const = 0;
  [[nodiscard]] virtual Evaluated error_of(std::string_view operation) const = 0;
  /// Whether the fields of this root are inputs or outputs, so that a missing one is absent. Elsewhere (a
  /// loop's variable, `error`, …) a missing field raises `key`.
  [[nodiscard]] virtual bool holds_outputs(std::string_view name) const {
    (void)name;
    return true;
  }
};

struct EvaluationLimits {
  std::size_t steps_max = 1'000'000;
  std::size_t bytes_max = std::size_t{16} << 20;  ///< of strings and lists created during the evaluation
};

/// Evaluates left to right; `and`, `or`, `if(c, a, b)` are lazy. An absent strict operand makes the result
/// absent; `default(x, y)`, `first(a, b…)`, `present(x)`, `required(x)` handle absence. An artifact used in a
/// text, and path(x), become late paths (Value::Kind::late); `out.NAME` and `run.folder` are late paths too.
/// Pure: no clock, no randomness.
Evaluated evaluate(const Expression& expression, const Scope& scope, EvaluationLimits limits = {});

/// A function of the fixed library, for the verifier: how many arguments it takes; nullopt for an unknown
/// name.
struct FunctionArity {
  std::size_t least;
  std::size_t most;
};
std::optional<FunctionArity> function_arity(std::string_view name);
std::vector<std::string> function_names();

}  // namespace sluice::syntax
