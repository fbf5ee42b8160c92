#include <limits>
#include <set>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/syntax/expression.hpp"
#include "sluice/syntax/expression_text.hpp"
#include "sluice/syntax/lexical.hpp"

namespace sluice::syntax {
namespace {

using Kind = Expression::Kind;
using Parsed = std::expected<ExpressionPtr, Diagnostic>;

/// Whether a text that begins with `${` looks like a parameter expansion of a shell: `${HOME}`, `${1:-x}`,
/// `${f%.txt}`, `${#list[@]}`.
bool is_of_a_shell(std::string_view text) {
  text.remove_prefix(2);
  if (text.size() > 1 && (text[0] == '#' || text[0] == '!')) text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && is_name_part(text[end])) ++end;
  if (end == 0 && !text.empty() && std::string_view("@*#?$!-").find(text[0]) != std::string_view::npos)
    end = 1;
  return end > 0 && end < text.size() &&
         std::string_view("}:-+=?#%/^,@[").find(text[end]) != std::string_view::npos;
}

/// "${1}" if the text begins with it, or with another number: in a longer text that is a parameter of a shell
/// command, and nobody would write a number so.
std::string positional_parameter(std::string_view text) {
  std::size_t end = 2;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end > 2 && end < text.size() && text[end] == '}' ? std::string(text.substr(0, end + 1))
                                                          : std::string();
}

/// A literal inside a text: strings unchanged, everything else as JSON.
std::string as_text(const Value& value) { return value.is_string() ? *value.if_string() : to_json(value); }

/// A recursive-descent parser of one text. Each tree is returned with its depth, because chains (`a + b + …`,
/// `a.b.…`) grow deep without any nesting in the text.
class ExpressionParser : private ExpressionText {
 public:
  using ExpressionText::ExpressionText;

  Parsed whole() {
    auto tree = expression();
    if (!tree) return std::unexpected(std::move(tree.error()));
    skip_space();
    if (!at_end()) return problem("unexpected " + shown() + " after the expression");
    return tree->node;
  }

  Parsed scalar() {
    std::vector<ExpressionPtr> pieces;
    std::string fixed;
    const Location start = here();
    int depth = 0;
    bool any = false;
    while (!at_end()) {
      if (looking_at("$${")) {
        fixed += "${";
        advance(3);
        continue;
      }
      if (!looking_at("${")) {
        fixed.push_back(peek());
        advance(1);
        continue;
      }
      const Location start_of_expression = here();
      const bool first = at_start();
      const auto source = rest();
      auto tree = embedded();
      if (!tree) {
        if (!first || is_of_a_shell(source)) tree.error().message += literal_hint;
        return std::unexpected(std::move(tree.error()));
      }
      if (first && at_end()) return tree->node;  // a whole expression keeps its type
      if (const auto parameter = positional_parameter(source); !parameter.empty())
        return problem_at(start_of_expression,
                          "`" + parameter + "` is just a number" + std::string(literal_hint));
      any = true;
      add_piece(std::move(tree->node), pieces, fixed);
      depth = std::max(depth, tree->depth);
    }
    if (!any) return Expression::of(std::move(fixed), start);
    return text_of(std::move(pieces), std::move(fixed), start, depth);
  }

 private:
  struct Tree {
    ExpressionPtr node;
    int depth;
  };
  using ParsedTree = std::expected<Tree, Diagnostic>;

  static constexpr std::string_view literal_hint = "; write `$${` for a literal `${`";

  /// From `${` to `}`.
  ParsedTree embedded() {
    const Location start = here();
    advance(2);
    auto tree = expression();
    if (!tree) return tree;
    skip_space();
    if (at_end()) return problem_at(start, "`${` has no `}`");
    if (!looking_at("}")) return problem("unexpected " + shown() + "; the expression should end with `}`");
    advance(1);
    return tree;
  }

  [[nodiscard]] static std::string too_deep() {
    return "the expression is more than " + std::to_string(expression_depth_max) + " deep; split it";
  }

  // ---- trees

  ParsedTree made(Expression node, int depth_of_args) const {
    if (depth_of_args + 1 > expression_depth_max) return problem_at(node.at, too_deep());
    return Tree{std::make_shared<const Expression>(std::move(node)), depth_of_args + 1};
  }
  static Tree leaf(Value value, Location at) { return {Expression::of(std::move(value), at), 1}; }
  ParsedTree binary(Operator op, Location at, Tree left, Tree right) const {
    Expression node;
    node.kind = Kind::operation;
    node.op = op;
    node.at = at;
    node.args = {std::move(left.node), std::move(right.node)};
    return made(std::move(node), std::max(left.depth, right.depth));
  }
  ParsedTree unary(Operator op, Location at, Tree operand) const {
    Expression node;
    node.kind = Kind::operation;
    node.op = op;
    node.at = at;
    node.args = {std::move(operand.node)};
    return made(std::move(node), operand.depth);
  }

  static void add_piece(ExpressionPtr node, std::vector<ExpressionPtr>& pieces, std::string& fixed) {
    if (node->kind == Kind::literal) {
      fixed += as_text(node->literal);
      return;
    }
    if (node->kind == Kind::text) {
      for (const auto& inner : node->args) add_piece(inner, pieces, fixed);
      return;
    }
    if (!fixed.empty()) pieces.push_back(Expression::of(std::exchange(fixed, {}), node->at));
    pieces.push_back(std::move(node));
  }
  /// One text node with its fixed pieces merged; a literal if all pieces are fixed.
  Parsed text_of(std::vector<ExpressionPtr> pieces, std::string fixed, Location at, int depth) const {
    if (pieces.empty()) return Expression::of(std::move(fixed), at);
    if (!fixed.empty()) pieces.push_back(Expression::of(std::move(fixed), at));
    Expression node;
    node.kind = Kind::text;
    node.at = at;
    // A single piece is a conversion: the same as a call of the function.
    if (pieces.size() == 1) {
      node.kind = Kind::call;
      node.text = "text";
    }
    node.args = std::move(pieces);
    auto tree = made(std::move(node), depth);
    if (!tree) return std::unexpected(std::move(tree.error()));
    return std::move(tree->node);
  }

  // ---- grammar, loosest first

  /// Limits the recursion only. The printed text of the deepest tree has a parenthesis and a sign per level.
  static constexpr int nesting_max = 2 * expression_depth_max + 2;

  class Nesting {
   public:
    explicit Nesting(int& level) : level_(++level) {}
    ~Nesting() { --level_; }

   private:
    int& level_;
  };

  ParsedTree expression() {
    const Nesting nesting(nesting_);
    if (nesting_ > nesting_max) return problem(too_deep());
    return disjunction();
  }

  ParsedTree disjunction() {
    auto left = conjunction();
    while (left) {
      skip_space();
      const Location at = here();
      if (!take_word("or") && !take("||")) break;
      auto right = conjunction();
      if (!right) return right;
      left = binary(Operator::logical_or, at, std::move(*left), std::move(*right));
    }
    return left;
  }

  ParsedTree conjunction() {
    auto left = negation();
    while (left) {
      skip_space();
      const Location at = here();
      if (!take_word("and") && !take("&&")) break;
      auto right = negation();
      if (!right) return right;
      left = binary(Operator::logical_and, at, std::move(*left), std::move(*right));
    }
    return left;
  }

  /// `not x == y` is !(x == y), while `!x == y` is (!x) == y.
  ParsedTree negation() {
    skip_space();
    const Location at = here();
    if (!take_word("not")) return comparison();
    const Nesting nesting(nesting_);
    if (nesting_ > nesting_max) return problem(too_deep());
    auto operand = negation();
    if (!operand) return operand;
    return unary(Operator::logical_not, at, std::move(*operand));
  }

  std::optional<Operator> comparison_ahead() {
    if (take("==")) return Operator::equal;
    if (take("!=")) return Operator::not_equal;
    if (take("<=")) return Operator::less_equal;
    if (take(">=")) return Operator::greater_equal;
    if (take("<")) return Operator::less;
    if (take(">")) return Operator::greater;
    if (take_word("in")) return Operator::in;
    return std::nullopt;
  }

  ParsedTree comparison() {
    auto left = sum();
    if (!left) return left;
    skip_space();
    const Location at = here();
    const bool negated = take_word("not");
    if (negated && (skip_space(), word_ahead() != "in"))
      return problem("expected `in` after `not`, as in `x not in y`");
    const auto op = comparison_ahead();
    if (!op) return left;
    auto right = sum();
    if (!right) return right;
    auto node = binary(*op, at, std::move(*left), std::move(*right));
    if (node && negated) node = unary(Operator::logical_not, at, std::move(*node));
    if (!node) return node;
    skip_space();
    const Location next = here();
    if (comparison_ahead()) return problem_at(next, "comparisons do not chain; write `a < b and b < c`");
    return node;
  }

  ParsedTree sum() {
    auto left = product();
    while (left) {
      skip_space();
      const Location at = here();
      const auto op = take("+") ? Operator::add : Operator::subtract;
      if (op == Operator::subtract && !take("-")) break;
      auto right = product();
      if (!right) return right;
      left = binary(op, at, std::move(*left), std::move(*right));
    }
    return left;
  }

  ParsedTree product() {
    auto left = prefix();
    while (left) {
      skip_space();
      const Location at = here();
      std::optional<Operator> op;
      if (take("//"))
        op = Operator::floor_divide;
      else if (take("*"))
        op = Operator::multiply;
      else if (take("/"))
        op = Operator::divide;
      else if (take("%"))
        op = Operator::modulo;
      if (!op) break;
      auto right = prefix();
      if (!right) return right;
      left = binary(*op, at, std::move(*left), std::move(*right));
    }
    return left;
  }

  ParsedTree prefix() {
    skip_space();
    const Location at = here();
    const bool minus = peek() == '-' && !is_digit(peek(1));
    const bool bang = peek() == '!' && peek(1) != '=';
    if (!minus && !bang) return postfix();
    advance(1);
    const Nesting nesting(nesting_);
    if (nesting_ > nesting_max) return problem(too_deep());
    auto operand = prefix();
    if (!operand) return operand;
    if (minus && operand->node->kind == Kind::literal) {
      const auto& value = operand->node->literal;
      if (const auto* i = value.if_integer(); i && *i != std::numeric_limits<std::int64_t>::min())
        return leaf(-*i, at);
      if (const auto* d = value.if_number()) return leaf(-*d, at);
    }
    return unary(minus ? Operator::negate : Operator::logical_not, at, std::move(*operand));
  }

  ParsedTree postfix() {
    auto base = primary();
    while (base) {
      // No space is allowed before `.`, `[` or `(`.
      const Location at = here();
      if (peek() == '.') {
        advance(1);
        const Location name_at = here();
        auto name = name_ahead();
        if (!name) return std::unexpected(std::move(name.error()));
        Expression node;
        node.kind = Kind::field;
        node.text = std::move(*name);
        node.at = name_at;
        node.args = {std::move(base->node)};
        base = made(std::move(node), base->depth);
      } else if (peek() == '[') {
        advance(1);
        base = index_of(std::move(*base), at);
      } else if (peek() == '(') {
        auto function = function_name(*base->node);
        if (function.empty()) return problem("only a function of the library can be called, by its name");
        advance(1);
        base = call_of(std::move(function), base->node->at);
      } else {
        break;
      }
    }
    return base;
  }

  ParsedTree index_of(Tree base, Location at) {
    auto key = expression();
    if (!key) return key;
    if (!take("]")) return problem("unexpected " + shown() + "; the index should end with `]`");
    Expression node;
    node.at = at;
    if (key->node->kind == Kind::literal && key->node->literal.is_string()) {
      node.kind = Kind::field;
      node.text = *key->node->literal.if_string();
      node.args = {std::move(base.node)};
      return made(std::move(node), base.depth);
    }
    node.kind = Kind::index;
    const int depth = std::max(base.depth, key->depth);
    node.args = {std::move(base.node), std::move(key->node)};
    return made(std::move(node), depth);
  }

  static std::string function_name(const Expression& callee) {
    if (!is_identifier(callee.text)) return {};
    if (callee.kind == Kind::name) return is_reserved_word(callee.text) ? "" : callee.text;
    if (callee.kind != Kind::field) return {};
    auto module = function_name(*callee.args.front());
    return module.empty() ? module : module + "." + callee.text;
  }

  ParsedTree call_of(std::string function, Location at) {
    Expression node;
    node.kind = Kind::call;
    node.at = at;
    int depth = 0;
    if (!take(")")) {
      do {
        auto arg = expression();
        if (!arg) return arg;
        depth = std::max(depth, arg->depth);
        node.args.push_back(std::move(arg->node));
      } while (take(","));
      if (!take(")")) return problem("unexpected " + shown() + "; the arguments should end with `)`");
    }
    if (function == "text" && node.args.size() > 1) {
      std::vector<ExpressionPtr> pieces;
      std::string fixed;
      for (auto& arg : node.args) add_piece(std::move(arg), pieces, fixed);
      auto text = text_of(std::move(pieces), std::move(fixed), at, depth);
      if (!text) return std::unexpected(std::move(text.error()));
      return Tree{std::move(*text), depth + 1};
    }
    node.text = std::move(function);
    return made(std::move(node), depth);
  }

  std::expected<std::string, Diagnostic> name_ahead() {
    if (peek() == '`') return quoted('`');
    const auto word = word_ahead();
    if (word.empty())
      return problem("unexpected " + shown() +
                     "; expected a name after `.`, in backticks if it is not an identifier");
    advance(word.size());
    return std::string(word);
  }

  ParsedTree primary() {
    skip_space();
    const Location at = here();
    const char c = peek();
    if (at_end()) return problem("unexpected end of expression");
    if (c == '(') {
      advance(1);
      auto inner = expression();
      if (!inner) return inner;
      if (!take(")")) return problem("unexpected " + shown() + "; `(` should be closed by `)`");
      return inner;
    }
    if (c == '[') return list(at);
    if (c == '{') return structure(at);
    if (c == '\'' || c == '"') {
      auto string = quoted(c);
      if (!string) return std::unexpected(std::move(string.error()));
      return leaf(std::move(*string), at);
    }
    if (is_digit(c) || (c == '-' && is_digit(peek(1)))) {
      auto value = number();
      if (!value) return std::unexpected(std::move(value.error()));
      return leaf(std::move(*value), at);
    }
    Expression node;
    node.kind = Kind::name;
    node.at = at;
    if (c == '`') {
      auto name = quoted('`');
      if (!name) return std::unexpected(std::move(name.error()));
      node.text = std::move(*name);
      return made(std::move(node), 0);
    }
    const auto word = word_ahead();
    if (word.empty()) return problem("unexpected " + shown() + "; expected a value or a name");
    if (is_reserved_word(word) && word != "true" && word != "false" && word != "null")
      return problem("unexpected `" + std::string(word) +
                     "`; expected a value or a name (put the name of an operation in backticks)");
    advance(word.size());
    if (word == "true") return leaf(true, at);
    if (word == "false") return leaf(false, at);
    if (word == "null") return leaf(Value(), at);
    node.text = std::string(word);
    return made(std::move(node), 0);
  }

  ParsedTree list(Location at) {
    advance(1);
    Expression node;
    node.kind = Kind::list;
    node.at = at;
    int depth = 0;
    bool fixed = true;
    while (!take("]")) {
      if (!node.args.empty() && !take(","))
        return problem("unexpected " + shown() + "; expected `,` or `]` in the list");
      auto item = expression();
      if (!item) return item;
      depth = std::max(depth, item->depth);
      fixed = fixed && item->node->kind == Kind::literal;
      node.args.push_back(std::move(item->node));
    }
    if (!fixed) return made(std::move(node), depth);
    List values;
    for (const auto& arg : node.args) values.push_back(arg->literal);
    return folded(std::move(values), at, depth);
  }

  ParsedTree structure(Location at) {
    advance(1);
    Expression node;
    node.kind = Kind::structure;
    node.at = at;
    int depth = 0;
    bool fixed = true;
    std::set<std::string, std::less<>> seen;
    while (!take("}")) {
      if (!node.args.empty() && !take(","))
        return problem("unexpected " + shown() + "; expected `,` or `}` in the struct");
      skip_space();
      const Location key_at = here();
      const bool is_quoted = peek() == '\'' || peek() == '"' || peek() == '`';
      auto key = is_quoted ? quoted(peek()) : std::expected<std::string, Diagnostic>(word_ahead());
      if (!key) return std::unexpected(std::move(key.error()));
      if (!is_quoted) {
        if (key->empty()) return problem("unexpected " + shown() + "; expected a key: a name or a string");
        advance(key->size());
      }
      if (!seen.insert(*key).second) return problem_at(key_at, "duplicate key `" + *key + "`");
      if (!take(":")) return problem("unexpected " + shown() + "; expected `:` after the key");
      auto value = expression();
      if (!value) return value;
      depth = std::max(depth, value->depth);
      fixed = fixed && value->node->kind == Kind::literal;
      node.keys.push_back(std::move(*key));
      node.args.push_back(std::move(value->node));
    }
    if (!fixed) return made(std::move(node), depth);
    Struct fields;
    for (std::size_t i = 0; i < node.args.size(); ++i)
      fields.append(std::move(node.keys[i]), node.args[i]->literal);
    return folded(std::move(fields), at, depth);
  }

  /// A list or struct of literals is a literal; its depth still counts.
  ParsedTree folded(Value value, Location at, int depth) const {
    Expression node;
    node.literal = std::move(value);
    node.at = at;
    return made(std::move(node), depth);
  }

  int nesting_ = 0;
};

Result<ExpressionPtr> located(Parsed parsed) {
  if (parsed) return std::move(*parsed);
  const auto& [at, message] = parsed.error();
  return Fail(user_error(Code::invalid_argument,
                         std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + message));
}

}  // namespace

std::expected<ExpressionPtr, Diagnostic> read_scalar(std::string_view scalar, Location at) {
  if (!is_utf8(scalar)) return std::unexpected(Diagnostic{at, "the text is not valid UTF-8"});
  return ExpressionParser(scalar, at).scalar();
}

std::expected<ExpressionPtr, Diagnostic> read_expression(std::string_view source, Location at) {
  if (!is_utf8(source)) return std::unexpected(Diagnostic{at, "the text is not valid UTF-8"});
  return ExpressionParser(source, at).whole();
}

Result<ExpressionPtr> parse_scalar(std::string_view scalar, Location at) {
  return located(read_scalar(scalar, at));
}
Result<ExpressionPtr> parse_expression(std::string_view source, Location at) {
  return located(read_expression(source, at));
}

}  // namespace sluice::syntax
