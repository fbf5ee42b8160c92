#include <limits>

#include "sluice/base/json.hpp"
#include "sluice/syntax/expression.hpp"
#include "sluice/syntax/lexical.hpp"

namespace sluice::syntax {
namespace {

using Kind = Expression::Kind;

/// How tightly a tree's outermost operator binds; operands that bind more loosely are put in parentheses.
enum Binding { disjunction = 1, conjunction, comparison, sum, product, prefix, postfix };

struct OperatorText {
  std::string_view text;
  Binding binding;
};

OperatorText text_of(Operator op) {
  switch (op) {
    case Operator::add: return {" + ", sum};
    case Operator::subtract: return {" - ", sum};
    case Operator::multiply: return {" * ", product};
    case Operator::divide: return {" / ", product};
    case Operator::floor_divide: return {" // ", product};
    case Operator::modulo: return {" % ", product};
    case Operator::equal: return {" == ", comparison};
    case Operator::not_equal: return {" != ", comparison};
    case Operator::less: return {" < ", comparison};
    case Operator::less_equal: return {" <= ", comparison};
    case Operator::greater: return {" > ", comparison};
    case Operator::greater_equal: return {" >= ", comparison};
    case Operator::in: return {" in ", comparison};
    case Operator::logical_and: return {" and ", conjunction};
    case Operator::logical_or: return {" or ", disjunction};
    case Operator::logical_not: return {"!", prefix};
    case Operator::negate: return {"-", prefix};
  }
  return {};
}

class Printer {
 public:
  explicit Printer(std::string& out) : out_(out) {}

  void print(const Expression& e, int at_least) {
    const int binding = binding_of(e);
    if (binding < at_least) out_ += '(';
    print_bare(e, binding);
    if (binding < at_least) out_ += ')';
  }

  void literal(const Value& value) {
    if (const auto* text = value.if_string()) return quoted(*text, '\'');
    if (const auto* list = value.if_list()) {
      out_ += '[';
      for (std::size_t i = 0; i < list->size(); ++i) {
        if (i > 0) out_ += ", ";
        literal((*list)[i]);
      }
      out_ += ']';
      return;
    }
    if (const auto* fields = value.if_struct()) {
      out_ += '{';
      bool first = true;
      for (const auto& [k, v] : *fields) {
        if (!std::exchange(first, false)) out_ += ", ";
        key(k);
        literal(v);
      }
      out_ += '}';
      return;
    }
    out_ += to_json(value);
  }

 private:
  static int binding_of(const Expression& e) {
    if (e.kind == Kind::operation) return text_of(e.op).binding;
    if (e.kind == Kind::literal && e.literal.as_double() && to_json(e.literal).front() == '-') return prefix;
    return postfix;
  }

  void print_bare(const Expression& e, int binding) {
    switch (e.kind) {
      case Kind::literal: return literal(e.literal);
      case Kind::name: return name(e.text, !is_reserved_word(e.text));
      case Kind::field:
        print(*e.args.front(), postfix);
        out_ += '.';
        return name(e.text, true);
      case Kind::index:
        print(*e.args.front(), postfix);
        out_ += '[';
        print(*e.args.back(), 0);
        out_ += ']';
        return;
      case Kind::operation: return operation(e, binding);
      case Kind::call: out_ += e.text; return arguments(e, '(', ')');
      case Kind::list: return arguments(e, '[', ']');
      case Kind::text: out_ += "text"; return arguments(e, '(', ')');
      case Kind::structure:
        out_ += '{';
        for (std::size_t i = 0; i < e.args.size(); ++i) {
          if (i > 0) out_ += ", ";
          key(e.keys[i]);
          print(*e.args[i], 0);
        }
        out_ += '}';
        return;
    }
  }

  void operation(const Expression& e, int binding) {
    const auto text = text_of(e.op).text;
    if (e.args.size() == 1) {
      const auto& operand = *e.args.front();
      // A minus before digits is parsed as part of the number.
      if (e.op == Operator::negate && operand.kind == Kind::literal) {
        const auto* i = operand.literal.if_integer();
        if (i && *i != std::numeric_limits<std::int64_t>::min()) return literal(-*i);
        if (const auto* d = operand.literal.if_number()) return literal(-*d);
      }
      out_ += text;
      return print(operand, e.op == Operator::negate && begins_with_literal(operand) ? postfix + 1 : prefix);
    }
    // Chains associate to the left; comparisons do not chain at all.
    print(*e.args.front(), binding == comparison ? binding + 1 : binding);
    out_ += text;
    print(*e.args.back(), binding + 1);
  }

  static bool begins_with_literal(const Expression& e) {
    const auto* base = &e;
    while (base->kind == Kind::field || base->kind == Kind::index) base = base->args.front().get();
    return base->kind == Kind::literal;
  }

  void arguments(const Expression& e, char open, char close) {
    out_ += open;
    for (std::size_t i = 0; i < e.args.size(); ++i) {
      if (i > 0) out_ += ", ";
      print(*e.args[i], 0);
    }
    out_ += close;
  }

  void name(std::string_view text, bool bare_allowed) {
    if (bare_allowed && is_identifier(text))
      out_ += text;
    else
      quoted(text, '`');
  }

  void key(std::string_view text) {
    if (is_identifier(text))
      out_ += text;
    else
      quoted(text, '\'');
    out_ += ": ";
  }

  void quoted(std::string_view text, char quote) {
    out_ += quote;
    for (const char c : text) {
      switch (c) {
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        case '\\': out_ += "\\\\"; break;
        default:
          if (c == quote) {
            out_ += '\\';
            out_ += c;
          } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            constexpr std::string_view hex = "0123456789abcdef";
            out_ += "\\u00";
            out_ += hex[static_cast<unsigned char>(c) >> 4];
            out_ += hex[static_cast<unsigned char>(c) & 15];
          } else {
            out_ += c;
          }
      }
    }
    out_ += quote;
  }

  std::string& out_;
};

/// `${` in a fixed piece becomes `$${`. Dollar signs at the end of a piece before an expression would escape
/// its `${`, so they become an expression of their own.
void fixed_piece(std::string_view text, bool expression_follows, std::string& out) {
  auto end = text.size();
  while (expression_follows && end > 0 && text[end - 1] == '$') --end;
  for (std::size_t i = 0; i < end; ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') out += '$';
    out += text[i];
  }
  if (end < text.size()) out += "${'" + std::string(text.substr(end)) + "'}";
}

}  // namespace

std::string print_expression(const Expression& expression) {
  std::string out;
  Printer(out).print(expression, 0);
  return out;
}

std::string print_scalar(const Expression& expression) {
  std::string out;
  if (expression.kind == Kind::literal && expression.literal.is_string()) {
    fixed_piece(*expression.literal.if_string(), false, out);
    return out;
  }
  if (expression.kind != Kind::text || expression.args.size() < 2)
    return "${" + print_expression(expression) + "}";
  for (std::size_t i = 0; i < expression.args.size(); ++i) {
    const auto& piece = *expression.args[i];
    if (piece.kind == Kind::literal)
      fixed_piece(piece.literal.is_string() ? *piece.literal.if_string() : to_json(piece.literal),
                  i + 1 < expression.args.size(), out);
    else
      out += "${" + print_expression(piece) + "}";
  }
  return out;
}

}  // namespace sluice::syntax
