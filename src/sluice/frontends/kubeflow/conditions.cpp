#include "sluice/frontends/kubeflow/conditions.hpp"

#include <array>
#include <cctype>

#include "sluice/base/json.hpp"

namespace sluice::frontends::kubeflow {
namespace {

using syntax::Operator;

constexpr int depth_max = 100;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class ConditionParser {
 public:
  ConditionParser(std::string_view text, Location at, const FindArgument& find, ExpressionPtr selected_value,
                  ir::Problems& problems)
      : text_(text), at_(at), find_(find), value_(std::move(selected_value)), problems_(problems) {}

  /// nullptr: there was a problem.
  ExpressionPtr run() {
    auto made = either();
    if (made && !done()) made = wrong("does not end here");
    return made;
  }

 private:
  // Every function returns nullptr after a problem.
  ExpressionPtr either() {
    auto left = both();
    while (left && take("||")) left = combined(Operator::logical_or, left, both());
    return left;
  }
  ExpressionPtr both() {
    auto left = comparison();
    while (left && take("&&")) left = combined(Operator::logical_and, left, comparison());
    return left;
  }

  ExpressionPtr comparison() {
    struct Sign {
      std::string_view text;
      Operator op;
    };
    constexpr std::array signs{Sign{"==", Operator::equal},      Sign{"!=", Operator::not_equal},
                               Sign{"<=", Operator::less_equal}, Sign{">=", Operator::greater_equal},
                               Sign{"<", Operator::less},        Sign{">", Operator::greater}};
    auto left = unary();
    if (!left) return left;
    for (const auto& sign : signs)
      if (take(sign.text)) return combined(sign.op, left, unary());
    return left;
  }

  ExpressionPtr unary() {
    if (++depth_ > depth_max) return wrong("is nested too deep");
    ExpressionPtr made;
    if (take("!")) {
      auto operand = unary();
      made = operand ? operation(Operator::logical_not, {std::move(operand)}, at_) : nullptr;
    } else {
      made = indexed();
    }
    --depth_;
    return made;
  }

  /// What follows `parseJson(…)`: fields.
  ExpressionPtr indexed() {
    auto made = primary();
    while (made && take("[")) {
      auto key = primary();
      if (!key) return key;
      if (!take("]")) return wrong("lacks a `]`");
      // As it is printed and read again.
      if (key->kind == syntax::Expression::Kind::literal && key->literal.is_string()) {
        made = field(std::move(made), *key->literal.if_string());
        continue;
      }
      const auto at = key->at;
      auto made_index = std::make_shared<syntax::Expression>();
      made_index->kind = syntax::Expression::Kind::index;
      made_index->at = at;
      made_index->args = {std::move(made), std::move(key)};
      made = std::move(made_index);
    }
    return made;
  }

  ExpressionPtr primary() {
    skip_space();
    if (rest_.empty()) return wrong("ends too early");
    const char first = rest_.front();
    if (first == '\'' || first == '"') return quoted(first);
    if (std::isdigit(static_cast<unsigned char>(first)) != 0 || first == '-') return number();
    if (take("(")) {
      auto made = either();
      return made && !take(")") ? wrong("lacks a `)`") : made;
    }
    const auto word = take_word();
    if (word == "true" || word == "false") return literal(word == "true", at_);
    if (word == "inputs") return input();
    if (word == "string_value" && value_) return call("text", {value_}, at_);
    if (word == "int" || word == "double" || word == "string" || word == "parseJson") return converted(word);
    if (word.empty()) return wrong("has `" + std::string(1, first) + "` where a value should be");
    return wrong("uses `" + std::string(word.substr(0, 60)) +
                 "`; there are comparisons, &&, ||, !, int(), double(), string(), parseJson() and "
                 "inputs.parameter_values['NAME']");
  }

  /// `inputs.parameter_values['name']`
  ExpressionPtr input() {
    if (!take(".") || take_word() != "parameter_values" || !take("["))
      return wrong("reads something else than `inputs.parameter_values['NAME']`");
    skip_space();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"'))
      return wrong("needs the name of a parameter in quotes");
    const auto key = quoted(rest_.front());
    if (!key) return nullptr;
    if (!take("]")) return wrong("lacks a `]`");
    const auto found = find_(*key->literal.if_string(), at_);
    failed_ = failed_ || !found;
    if (!found) return nullptr;
    type_ = found->type;
    return found->value;
  }

  ExpressionPtr converted(std::string_view function) {
    if (!take("(")) return wrong("lacks a `(` after `" + std::string(function) + "`");
    type_ = std::nullopt;
    auto made = either();
    if (!made) return made;
    if (!take(")")) return wrong("lacks a `)`");
    if (function == "string") return call("text", {std::move(made)}, at_);
    if (function == "parseJson") return call("json.decode", {std::move(made)}, at_);
    const bool is_number = made->kind == syntax::Expression::Kind::literal
                               ? made->literal.as_double().has_value()
                               : !type_ || type_ == ParameterType::integer || type_ == ParameterType::number;
    if (is_number && (function == "double" || type_ != ParameterType::number)) return made;
    if (is_number) return operation(Operator::floor_divide, {std::move(made), literal(1, at_)}, at_);
    return call("json.decode", {call("text", {std::move(made)}, at_)}, at_);
  }

  ExpressionPtr number() {
    std::size_t end = 1;
    while (end < rest_.size() && (is_word(rest_[end]) || rest_[end] == '.' ||
                                  ((rest_[end] == '-' || rest_[end] == '+') && rest_[end - 1] == 'e')))
      ++end;
    auto value = parse_json(rest_.substr(0, end));
    if (!value || !value->as_double())
      return wrong("has `" + std::string(rest_.substr(0, end)) + "`, which is no number");
    rest_.remove_prefix(end);
    return literal(std::move(*value), at_);
  }

  ExpressionPtr quoted(char quote) {
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return literal(std::move(text), at_);
      }
      if (rest_[i] != '\\') {
        text += rest_[i];
        continue;
      }
      if (++i == rest_.size()) break;
      switch (rest_[i]) {
        case 'n': text += '\n'; break;
        case 't': text += '\t'; break;
        case 'r': text += '\r'; break;
        case '\\':
        case '\'':
        case '"': text += rest_[i]; break;
        default: return wrong("has an escape that is not supported, `\\" + std::string(1, rest_[i]) + "`");
      }
    }
    return wrong("has a text without its closing quote");
  }

  ExpressionPtr combined(Operator op, const ExpressionPtr& left, const ExpressionPtr& right) {
    return right ? operation(op, {left, right}, at_) : nullptr;
  }

  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0)
      rest_.remove_prefix(1);
  }
  bool done() {
    skip_space();
    return rest_.empty();
  }
  bool take(std::string_view what) {
    skip_space();
    // `!` is not the beginning of `!=`.
    if (!rest_.starts_with(what) || (what == "!" && rest_.starts_with("!="))) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  std::string_view take_word() {
    skip_space();
    std::size_t end = 0;
    while (end < rest_.size() && is_word(rest_[end])) ++end;
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }

  ExpressionPtr wrong(const std::string& why) {
    if (!failed_)
      problems_.add(at_, "the expression `" + std::string(text_.substr(0, 200)) + "` " + why +
                             ", at character " + std::to_string(text_.size() - rest_.size() + 1));
    failed_ = true;
    return nullptr;
  }

  std::string_view text_;
  Location at_;
  const FindArgument& find_;
  ExpressionPtr value_;
  ir::Problems& problems_;
  std::string_view rest_ = text_;
  std::optional<ParameterType> type_;  ///< of the argument that was read last
  int depth_ = 0;
  bool failed_ = false;
};

}  // namespace

ExpressionPtr condition(std::string_view text, Location at, const FindArgument& find,
                        ir::Problems& problems) {
  auto made = ConditionParser(text, at, find, nullptr, problems).run();
  return made ? made : literal(true, at);
}

ExpressionPtr selected(std::string_view selector, Location at, const ExpressionPtr& value,
                       ir::Problems& problems) {
  const FindArgument none = [](std::string_view, Location) { return std::optional<Typed>(); };
  auto made = ConditionParser(selector, at, none, value, problems).run();
  return made ? made : value;
}

}  // namespace sluice::frontends::kubeflow
