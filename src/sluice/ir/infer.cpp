#include "sluice/ir/infer.hpp"

#include <algorithm>
#include <tuple>

#include "sluice/ir/types.hpp"

namespace sluice::ir {
namespace {

using syntax::Expression;
using syntax::Operator;
using ExpressionKind = Expression::Kind;
using Kind = Type::Kind;

Type plain(Kind kind) { return Type{.kind = kind, .element = nullptr, .artifact_kind = "any"}; }
Type list_of(Type element) {
  auto made = plain(Kind::list);
  made.element = std::make_shared<const Type>(std::move(element));
  return made;
}

bool is_numeric(const Type& t) { return t.kind == Kind::integer || t.kind == Kind::number; }
bool is_known(const Type& t) { return t.kind != Kind::any; }

std::string_view sign(Operator op) {
  switch (op) {
    case Operator::add: return "+";
    case Operator::subtract:
    case Operator::negate: return "-";
    case Operator::multiply: return "*";
    case Operator::divide: return "/";
    case Operator::floor_divide: return "//";
    case Operator::modulo: return "%";
    case Operator::logical_and: return "and";
    case Operator::logical_or: return "or";
    case Operator::logical_not: return "!";
    case Operator::in: return "in";
    default: return "==";
  }
}

class Inference {
 public:
  Inference(const TypedNames& names, Problems& problems) : names_(names), problems_(problems) {}

  Type of(const Expression& e) {
    constexpr int deepest = 1000;
    if (depth_ > deepest) return {};
    ++depth_;
    auto type = node(e);
    --depth_;
    return type;
  }

 private:
  Type node(const Expression& e) {
    switch (e.kind) {
      case ExpressionKind::literal: return type_of(e.literal);
      case ExpressionKind::name: return name(e);
      case ExpressionKind::field: return field(e);
      case ExpressionKind::index: return index(e);
      case ExpressionKind::operation: return operation(e);
      case ExpressionKind::call: return call(e);
      case ExpressionKind::list: {
        std::optional<Type> element;
        for (const auto& arg : e.args) {
          auto type = of(*arg);
          element = element ? common_type(*element, type) : std::move(type);
        }
        return list_of(element.value_or(Type{}));
      }
      case ExpressionKind::structure:
        for (const auto& arg : e.args) of(*arg);
        return plain(Kind::structure);
      case ExpressionKind::text:
        for (const auto& arg : e.args) of(*arg);
        return plain(Kind::string);
    }
    return {};
  }

  Type name(const Expression& e) {
    for (auto bound = bound_.rbegin(); bound != bound_.rend(); ++bound)
      if (bound->first == e.text) return bound->second;
    const auto found = names_.find(e.text);
    if (found == names_.end()) return {};
    return found->second.outputs ? plain(Kind::structure) : found->second.variable;
  }

  /// Whether the expression is `error` of a retry, or `error(OPERATION)`.
  static bool is_error(const Expression& e) {
    return (e.kind == ExpressionKind::name || e.kind == ExpressionKind::call) && e.text == "error";
  }

  Type error_field(std::string_view name, syntax::Location at) {
    static const std::vector<std::string> fields{"kind",   "message",   "payload",
                                                 "source", "exit_code", "signal"};
    if (name == "payload") return {};
    if (name == "exit_code" || name == "signal") return plain(Kind::integer);
    if (std::ranges::find(fields, name) == fields.end()) {
      auto hint = problems_.suggest(name, fields);
      if (hint.empty()) hint = "; it has kind, message, payload, source, exit_code, signal";
      problems_.add(at, "an error has no `" + std::string(name) + "`" + hint);
      return {};
    }
    return plain(Kind::string);
  }

  Type field(const Expression& e) {
    const auto& base = *e.args.front();
    if (is_error(base)) {
      if (base.kind == ExpressionKind::call) of(base);
      return error_field(e.text, e.at);
    }
    if (base.kind == ExpressionKind::name && !is_bound(base.text)) {
      if (base.text == "out" || base.text == "run") return plain(Kind::string);
      if (base.text == "upstream") return plain(Kind::boolean);
      const auto found = names_.find(base.text);
      if (found != names_.end() && found->second.outputs) return output(e, base.text, *found->second.outputs);
    }
    const auto type = of(base);
    if (type.kind == Kind::artifact) {
      if (e.text == "kind" || e.text == "name" || e.text == "uri" || e.text == "form" || e.text == "digest")
        return plain(Kind::string);
      if (e.text == "size") return plain(Kind::integer);
      if (e.text == "metadata") return plain(Kind::structure);
      problems_.add(
          e.at, "an artifact has no `" + e.text + "`; it has kind, name, metadata, uri, digest, size, form");
    } else if (is_known(type) && type.kind != Kind::structure) {
      problems_.add(e.at, describe(type) + " has no fields, so no `" + e.text + "`");
    }
    return {};
  }

  Type output(const Expression& e, const std::string& owner, const OutputTypes& outputs) {
    if (!outputs.known) return {};
    if (const auto* type = outputs.find(e.text)) return *type;
    if (owner != "inputs")  // unknown inputs were reported by check_names
      problems_.add(e.at, "`" + owner + "` has no output `" + e.text + "`" +
                              problems_.suggest(e.text, outputs.names()));
    return {};
  }

  Type index(const Expression& e) {
    const auto base = of(*e.args.front());
    const auto key = of(*e.args.back());
    if (const auto* name = e.args.back()->literal.if_string(); name && is_error(*e.args.front()))
      return error_field(*name, e.args.back()->at);
    if (base.kind == Kind::list) {
      if (is_known(key) && key.kind != Kind::integer)
        problems_.add(e.args.back()->at, "the index of a list is an integer, not " + describe(key));
      return base.element ? *base.element : Type{};
    }
    if (is_known(base) && base.kind != Kind::structure && base.kind != Kind::artifact)
      problems_.add(e.at, describe(base) + " cannot be indexed");
    return {};
  }

  Type operation(const Expression& e) {
    const auto a = of(*e.args.front());
    if (e.args.size() == 1) {
      const bool fits = e.op == Operator::negate ? is_numeric(a) : a.kind == Kind::boolean;
      if (is_known(a) && !fits)
        problems_.add(e.at, "`" + std::string(sign(e.op)) + "` does not take " + describe(a));
      return e.op == Operator::negate ? a : plain(Kind::boolean);
    }
    const auto b = of(*e.args.back());
    switch (e.op) {
      case Operator::equal:
      case Operator::not_equal: never_equal(e, a, b); return plain(Kind::boolean);
      case Operator::logical_and:
      case Operator::logical_or:
        for (const auto* side : {&a, &b})
          if (is_known(*side) && side->kind != Kind::boolean)
            problems_.add(e.at, "`" + std::string(sign(e.op)) + "` does not take " + describe(*side));
        return plain(Kind::boolean);
      case Operator::in:
        if (is_known(b) && b.kind != Kind::list && b.kind != Kind::structure && b.kind != Kind::string)
          problems_.add(
              e.at, "`in` does not search in " + describe(b) + "; it searches in a list, struct or string");
        return plain(Kind::boolean);
      case Operator::less:
      case Operator::less_equal:
      case Operator::greater:
      case Operator::greater_equal: {
        const bool fits =
            (is_numeric(a) && is_numeric(b)) || (a.kind == Kind::string && b.kind == Kind::string);
        if (is_known(a) && is_known(b) && !fits)
          problems_.add(e.at, "cannot compare " + describe(a) + " with " + describe(b));
        return plain(Kind::boolean);
      }
      default: return arithmetic(e, a, b);
    }
  }

  /// `error.exit_code == '75'` would turn a retry off without a word.
  void never_equal(const Expression& e, const Type& a, const Type& b) {
    for (const auto& [side, type, other] :
         {std::tuple(&e.args.front(), &a, &b), std::tuple(&e.args.back(), &b, &a)})
      if ((*side)->kind == ExpressionKind::field && is_error(*(*side)->args.front()) && is_known(*type) &&
          is_known(*other) && !assignable(*type, *other) && !assignable(*other, *type))
        problems_.add(e.at, "`" + (*side)->text + "` of an error is " + describe(*type) +
                                ", and never equal to " + describe(*other));
  }

  Type arithmetic(const Expression& e, const Type& a, const Type& b) {
    if (is_numeric(a) && is_numeric(b)) {
      if (e.op == Operator::divide) return plain(Kind::number);
      if (e.op == Operator::floor_divide) return plain(Kind::integer);
      return common_type(a, b);
    }
    if (!is_known(a) || !is_known(b)) {
      const auto& known = is_known(a) ? a : b;
      if (e.op != Operator::add && is_known(known) && !is_numeric(known))
        problems_.add(e.at, "`" + std::string(sign(e.op)) + "` does not take " + describe(known));
      return {};
    }
    if (e.op == Operator::add) {
      const auto is_text = [](const Type& t) { return t.kind == Kind::string || t.kind == Kind::artifact; };
      const auto is_scalar = [](const Type& t) { return t.kind != Kind::list && t.kind != Kind::structure; };
      if (is_scalar(a) && is_scalar(b) && (is_text(a) || is_text(b))) return plain(Kind::string);
      if (a.kind == Kind::list && b.kind == Kind::list) return common_type(a, b);
    }
    problems_.add(e.at,
                  "`" + std::string(sign(e.op)) + "` does not take " + describe(a) + " and " + describe(b));
    return {};
  }

  bool is_bound(std::string_view name) const {
    return std::ranges::any_of(bound_, [&](const auto& one) { return one.first == name; });
  }

  Type map(const Expression& e) {
    const auto* variable = syntax::variable_of_map(e);
    if (!check_arity(e) || variable == nullptr) {
      if (e.args.size() == 3)
        problems_.add(e.args[1]->at, "the second argument of `map` is a name, for each element of the list");
      return {};
    }
    const auto list = of(*e.args[0]);
    if (is_known(list) && list.kind != Kind::list)
      problems_.add(e.args[0]->at, "`map` takes a list, not " + describe(list));
    bound_.emplace_back(*variable, list.element ? *list.element : Type{});
    auto element = of(*e.args[2]);
    bound_.pop_back();
    return list_of(std::move(element));
  }

  Type call(const Expression& e) {
    const auto& name = e.text;
    if (name == "map") return map(e);
    if (name == "status" || name == "error") {
      if (e.args.size() == 1 && e.args.front()->kind != ExpressionKind::name)
        problems_.add(e.args.front()->at, "`" + name + "` takes the name of an operation");
      check_arity(e);
      return name == "status" ? plain(Kind::string) : Type{};
    }
    std::vector<Type> args;
    args.reserve(e.args.size());
    for (const auto& arg : e.args) args.push_back(of(*arg));
    if (!check_arity(e)) return {};
    if (name == "default") return common_type(args[0], args[1]);
    if (name == "if") {
      if (is_known(args[0]) && args[0].kind != Kind::boolean)
        problems_.add(e.args[0]->at, "the condition of `if` is true or false, not " + describe(args[0]));
      return common_type(args[1], args[2]);
    }
    if (name == "first") {
      auto type = args[0];
      for (const auto& arg : args) type = common_type(type, arg);
      return type;
    }
    if (name == "required") return args[0];
    if (name == "artifact") return plain(Kind::artifact);
    if (name == "present" || name == "contains") return plain(Kind::boolean);
    if (name == "len") return plain(Kind::integer);
    if (name == "range") return list_of(plain(Kind::integer));
    if (name == "keys" || name == "split") return list_of(plain(Kind::string));
    if (name == "struct") return plain(Kind::structure);
    if (name == "flatten") return list_of({});
    if (name == "text" || name == "path" || name == "join" || name == "json.encode")
      return plain(Kind::string);
    return {};
  }

  bool check_arity(const Expression& e) {
    const auto arity = syntax::function_arity(e.text);
    if (!arity) {
      problems_.add(
          e.at, "unknown function `" + e.text + "`" + problems_.suggest(e.text, syntax::function_names()));
      return false;
    }
    const auto given = e.args.size();
    if (given >= arity->least && given <= arity->most) return true;
    const auto bound = given < arity->least ? arity->least : arity->most;
    const std::string_view quantity = arity->least == arity->most ? ""
                                      : given < arity->least      ? "at least "
                                                                  : "at most ";
    problems_.add(e.at, "`" + e.text + "` takes " + std::string(quantity) + std::to_string(bound) +
                            (bound == 1 ? " argument" : " arguments") + ", not " + std::to_string(given));
    return false;
  }

  const TypedNames& names_;
  Problems& problems_;
  std::vector<std::pair<std::string_view, Type>> bound_;  ///< the variables of `map`, innermost last
  int depth_ = 0;
};

}  // namespace

void OutputTypes::sort() {
  std::ranges::sort(types_, {}, [](const auto& entry) { return entry.first; });
}

const Type* OutputTypes::find(std::string_view name) const {
  const auto found =
      std::ranges::lower_bound(types_, name, {}, [](const auto& entry) { return entry.first; });
  return found != types_.end() && found->first == name ? &found->second : nullptr;
}

std::vector<std::string_view> OutputTypes::names() const {
  std::vector<std::string_view> names;
  names.reserve(types_.size());
  for (const auto& [name, type] : types_) names.push_back(name);
  return names;
}

Type infer(const Expression& expression, const TypedNames& names, Problems& problems) {
  return Inference(names, problems).of(expression);
}

}  // namespace sluice::ir
