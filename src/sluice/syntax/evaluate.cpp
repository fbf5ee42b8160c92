#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>

#include "sluice/base/words.hpp"
#include "sluice/syntax/evaluator.hpp"

namespace sluice::syntax {
namespace {

using Kind = Expression::Kind;
constexpr std::int64_t integer_min = std::numeric_limits<std::int64_t>::min();

std::string op_text(Operator op) {
  switch (op) {
    case Operator::add: return "+";
    case Operator::subtract: return "-";
    case Operator::multiply: return "*";
    case Operator::divide: return "/";
    case Operator::floor_divide: return "//";
    case Operator::modulo: return "%";
    case Operator::less: return "<";
    case Operator::less_equal: return "<=";
    case Operator::greater: return ">";
    case Operator::greater_equal: return ">=";
    default: return "?";
  }
}

std::unexpected<Raised> mismatch(Operator op, const Value& a, const Value& b) {
  return raised(
      "type", "`" + op_text(op) + "` does not take " + kind_with_article(a) + " and " + kind_with_article(b));
}

std::unexpected<Raised> overflow(Operator op) {
  return raised("overflow", "the result of `" + op_text(op) + "` is out of range");
}

Evaluated on_integers(Operator op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  switch (op) {
    case Operator::add:
      if (__builtin_add_overflow(a, b, &out)) return overflow(op);
      return out;
    case Operator::subtract:
      if (__builtin_sub_overflow(a, b, &out)) return overflow(op);
      return out;
    case Operator::multiply:
      if (__builtin_mul_overflow(a, b, &out)) return overflow(op);
      return out;
    default: break;
  }
  if (b == 0) return raised("zero_division", "`" + op_text(op) + "` by zero");
  if (op == Operator::divide) return static_cast<double>(a) / static_cast<double>(b);
  if (a == integer_min && b == -1) {
    if (op == Operator::floor_divide) return overflow(op);
    return std::int64_t{0};
  }
  const std::int64_t quotient = a / b;
  const std::int64_t remainder = a % b;
  const bool down = remainder != 0 && (remainder < 0) != (b < 0);
  return op == Operator::floor_divide ? quotient - (down ? 1 : 0) : remainder + (down ? b : 0);
}

Evaluated on_doubles(Operator op, double a, double b) {
  double out = 0;
  switch (op) {
    case Operator::add: out = a + b; break;
    case Operator::subtract: out = a - b; break;
    case Operator::multiply: out = a * b; break;
    default:
      if (b == 0) return raised("zero_division", "`" + op_text(op) + "` by zero");
      if (op == Operator::divide) {
        out = a / b;
      } else if (op == Operator::modulo) {
        out = std::fmod(a, b);
        if (out != 0 && (out < 0) != (b < 0)) out += b;
      } else {
        out = std::floor(a / b);
        if (!(out >= -0x1p63 && out < 0x1p63)) return overflow(op);
        return static_cast<std::int64_t>(out);
      }
  }
  if (!std::isfinite(out)) return overflow(op);
  return out;
}

bool is_scalar(const Value& v) { return !v.is_list() && !v.is_struct(); }
bool is_text(const Value& v) { return v.is_string() || v.is_artifact() || v.kind() == Value::Kind::late; }

Evaluated arithmetic(Operator op, const Value& a, const Value& b, Budget& budget) {
  if (a.if_integer() && b.if_integer()) return on_integers(op, *a.if_integer(), *b.if_integer());
  if (a.as_double() && b.as_double()) return on_doubles(op, *a.as_double(), *b.as_double());
  if (op == Operator::add) {
    if ((is_text(a) && is_scalar(b)) || (is_scalar(a) && is_text(b))) {
      const Value both[] = {a, b};
      return join_texts(both, budget);
    }
    if (a.is_list() && b.is_list()) {
      List joined = *a.if_list();
      if (!budget.elements(joined.size() + b.if_list()->size())) return budget.exceeded();
      joined.insert(joined.end(), b.if_list()->begin(), b.if_list()->end());
      return Value(std::move(joined));
    }
  }
  return mismatch(op, a, b);
}

Evaluated compare(Operator op, const Value& a, const Value& b) {
  const auto ordering = order(a, b);
  if (!ordering) return mismatch(op, a, b);
  switch (op) {
    case Operator::less: return std::is_lt(*ordering);
    case Operator::less_equal: return std::is_lteq(*ordering);
    case Operator::greater: return std::is_gt(*ordering);
    default: return std::is_gteq(*ordering);
  }
}

std::vector<std::string> keys_of(const Struct& fields) {
  constexpr std::size_t most = 100;  // enough for a message
  std::vector<std::string> keys;
  for (const auto& [k, v] : fields) {
    if (keys.size() == most) break;
    keys.push_back(k);
  }
  return keys;
}

std::optional<Value> of_artifact(const Artifact& artifact, std::string_view field) {
  if (field == "kind") return Value(artifact.kind);
  if (field == "name") return Value(artifact.name);
  if (field == "uri") return Value(artifact.uri);
  if (field == "size") return Value(artifact.size);
  if (field == "form") return Value(artifact.form == Form::file ? "file" : "directory");
  if (field == "digest" && artifact.digest) return Value(artifact.digest->hex());
  if (field == "metadata") return Value(artifact.metadata ? *artifact.metadata : Struct());
  return std::nullopt;
}

/// The artifact with other properties; absent: one of nothing but these, which is at a URI.
Evaluated with_properties(const Maybe& base, const Value& properties) {
  const auto* fields = properties.if_struct();
  if (!fields)
    return raised("type", "the properties of `artifact` are a struct, not " + kind_with_article(properties));
  if (base && !base->is_artifact())
    return raised("type", "`artifact` takes an artifact, not " + kind_with_article(*base));
  auto made = base ? *base->if_artifact() : Artifact();
  for (const auto& [key, value] : *fields) {
    const auto* text = value.if_string();
    if (key == "metadata" && value.is_struct())
      made.metadata = std::make_shared<const Struct>(*value.if_struct());
    else if (key == "kind" && text)
      made.kind = *text;
    else if (key == "name" && text)
      made.name = *text;
    else if (key == "uri" && text)
      made.uri = made.digest ? "" : *text;
    else
      return raised("value", "`artifact` cannot set `" + key + "` to " + kind_with_article(value));
  }
  if (!made.digest && made.uri.empty())
    return raised("value", "an artifact that is not stored needs a `uri`");
  return Value(std::move(made));
}

Evaluated field_of(const Value& base, const std::string& key) {
  if (const auto* fields = base.if_struct()) {
    if (const auto* value = fields->find(key)) return *value;
    return raised("key", "no key `" + key + "`" + did_you_mean(key, keys_of(*fields)));
  }
  if (const auto* artifact = base.if_artifact()) {
    if (auto value = of_artifact(*artifact, key)) return std::move(*value);
    return raised("key",
                  "an artifact has no `" + key + "`; it has kind, name, metadata, uri, digest, size, form");
  }
  return raised("type", kind_with_article(base) + " has no fields, so no `" + key + "`");
}

Evaluated element_of(const Value& base, const Value& key) {
  if (const auto* list = base.if_list()) {
    const auto* i = key.if_integer();
    if (!i) return raised("type", "the index of a list is an integer, not " + kind_with_article(key));
    if (*i < 0 || *i >= static_cast<std::int64_t>(list->size()))
      return raised("index",
                    "index " + std::to_string(*i) + " is outside a list of " + std::to_string(list->size()));
    return (*list)[static_cast<std::size_t>(*i)];
  }
  if (const auto* text = key.if_string()) return field_of(base, *text);
  return raised("type", kind_with_article(base) + " cannot be indexed by " + kind_with_article(key));
}

Evaluated contained(const Value& item, const Value& whole, Budget& budget) {
  const Value args[] = {whole, item};
  return find_function("contains")->function(args, budget);
}

/// The names around `map`, and its variable.
class MapScope final : public Scope {
 public:
  MapScope(const Scope& around, const std::string& variable, const Value& value)
      : around_(around), variable_(variable), value_(value) {}
  [[nodiscard]] Evaluated lookup(std::string_view name) const override {
    return name == variable_ ? Evaluated(value_) : around_.lookup(name);
  }
  [[nodiscard]] Evaluated status_of(std::string_view operation) const override {
    return around_.status_of(operation);
  }
  [[nodiscard]] Evaluated error_of(std::string_view operation) const override {
    return around_.error_of(operation);
  }
  [[nodiscard]] bool holds_outputs(std::string_view name) const override {
    return name != variable_ && around_.holds_outputs(name);
  }

 private:
  const Scope& around_;
  const std::string& variable_;
  const Value& value_;
};

class Evaluator {
 public:
  Evaluator(const Scope& scope, EvaluationLimits limits) : scope_(&scope), budget_(limits) {}

  Evaluated run(const Expression& e) {
    // Parsed trees are shallower; this limit is for trees that a front-end built.
    constexpr int deepest = 1000;
    if (++depth_ > deepest)
      return raised("depth", "the expression is more than " + std::to_string(deepest) + " deep");
    if (!budget_.steps(1)) return budget_.exceeded();
    auto result = node(e);
    --depth_;
    return result;
  }

 private:
  Evaluated node(const Expression& e) {
    switch (e.kind) {
      case Kind::literal: return e.literal;
      case Kind::name: return scope_->lookup(e.text);
      case Kind::field: return field(e);
      case Kind::index: return index(e);
      case Kind::operation: return operation(e);
      case Kind::call: return call(e);
      case Kind::list: return list(e);
      case Kind::structure: return structure(e);
      case Kind::text: {
        std::vector<Value> pieces;
        for (const auto& arg : e.args) {
          auto piece = run(*arg);
          if (!piece || !*piece) return piece;
          pieces.push_back(std::move(**piece));
        }
        return join_texts(pieces, budget_);
      }
    }
    return std::nullopt;
  }

  static Value late(PathPlaceholder hole) {
    Template made;
    made.parts.emplace_back(std::move(hole));
    return made;
  }

  Evaluated field(const Expression& e) {
    const auto& root = *e.args.front();
    const bool is_root = root.kind == Kind::name;
    if (is_root && root.text == "out")
      return late({.kind = PathPlaceholder::Kind::output, .artifact = nullptr, .output = e.text});
    if (is_root && root.text == "run" && e.text == "folder")
      return late({.kind = PathPlaceholder::Kind::folder, .artifact = nullptr, .output = {}});
    auto base = run(root);
    if (!base || !*base) return base;
    const auto* fields = (*base)->if_struct();
    if (fields && !fields->find(e.text) && is_optional_of_error(root, e.text)) return std::nullopt;
    if (is_root && fields && !fields->find(e.text) && scope_->holds_outputs(root.text)) return std::nullopt;
    return field_of(**base, e.text);
  }

  /// `error.exit_code`, `error(op).signal`: absent unless a program ended so.
  static bool is_optional_of_error(const Expression& root, std::string_view field) {
    return (root.kind == Kind::name || root.kind == Kind::call) && root.text == "error" &&
           (field == "exit_code" || field == "signal");
  }

  Evaluated index(const Expression& e) {
    auto base = run(*e.args.front());
    if (!base || !*base) return base;
    auto key = run(*e.args.back());
    if (!key || !*key) return key;
    return element_of(**base, **key);
  }

  Evaluated truth(const Expression& e, std::string_view who) {
    auto value = run(e);
    if (value && *value && !(*value)->if_boolean())
      return raised("type", std::string(who) + " takes true or false, not " + kind_with_article(**value));
    return value;
  }

  Evaluated operation(const Expression& e) {
    const auto& first = *e.args.front();
    if (e.op == Operator::logical_and || e.op == Operator::logical_or) {
      const bool decides = e.op == Operator::logical_or;
      const auto* who = decides ? "`or`" : "`and`";
      auto left = truth(first, who);
      if (!left || !*left || *(*left)->if_boolean() == decides) return left;
      return truth(*e.args.back(), who);
    }
    if (e.op == Operator::logical_not) {
      auto operand = truth(first, "`!`");
      if (!operand || !*operand) return operand;
      return !*(*operand)->if_boolean();
    }
    auto a = run(first);
    if (!a || !*a) return a;
    if (e.op == Operator::negate) return negate(**a);
    auto b = run(*e.args.back());
    if (!b || !*b) return b;
    switch (e.op) {
      case Operator::equal:
      case Operator::not_equal: return same(**a, **b) == (e.op == Operator::equal);
      case Operator::less:
      case Operator::less_equal:
      case Operator::greater:
      case Operator::greater_equal: return compare(e.op, **a, **b);
      case Operator::in: return contained(**a, **b, budget_);
      default: return arithmetic(e.op, **a, **b, budget_);
    }
  }

  static Evaluated negate(const Value& value) {
    if (const auto* i = value.if_integer()) {
      if (*i == integer_min) return overflow(Operator::subtract);
      return -*i;
    }
    if (const auto* d = value.if_number()) return -*d;
    return raised("type", "`-` takes a number, not " + kind_with_article(value));
  }

  // Absent elements and fields are omitted, and do not make the whole absent: only an operation that uses an
  // absent value itself is skipped.
  Evaluated list(const Expression& e) {
    List values;
    for (const auto& arg : e.args) {
      auto value = run(*arg);
      if (!value) return value;
      if (*value) values.push_back(std::move(**value));
    }
    return bounded(std::move(values), budget_);
  }

  Evaluated structure(const Expression& e) {
    Struct fields;
    for (std::size_t i = 0; i < e.args.size(); ++i) {
      auto value = run(*e.args[i]);
      if (!value) return value;
      if (*value) fields.append(e.keys[i], std::move(**value));
    }
    return bounded(std::move(fields), budget_);
  }

  Evaluated call(const Expression& e) {
    const auto* entry = find_function(e.text);
    if (!entry)
      return raised("type", "unknown function `" + e.text + "`" + did_you_mean(e.text, function_names()));
    if (e.args.size() < entry->arity.least || e.args.size() > entry->arity.most)
      return raised("type", "`" + e.text + "` does not take " + std::to_string(e.args.size()) + " arguments");
    if (!entry->function) return special(e);
    std::vector<Value> args;
    args.reserve(e.args.size());
    for (const auto& arg : e.args) {
      auto value = run(*arg);
      if (!value || !*value) return value;
      args.push_back(std::move(**value));
    }
    return entry->function(args, budget_);
  }

  Evaluated special(const Expression& e) {
    const auto& name = e.text;
    if (name == "status" || name == "error") {
      const auto& operation = *e.args.front();
      if (operation.kind != Kind::name)
        return raised("type", "`" + name + "` takes the name of an operation");
      return name == "status" ? scope_->status_of(operation.text) : scope_->error_of(operation.text);
    }
    if (name == "map") return mapped(e);
    if (name == "if") {
      auto condition = truth(*e.args.front(), "`if`");
      if (!condition || !*condition) return condition;
      return run(*e.args[*(*condition)->if_boolean() ? 1 : 2]);
    }
    if (name == "first") {
      for (const auto& arg : e.args) {
        auto value = run(*arg);
        if (!value || *value) return value;
      }
      return std::nullopt;
    }
    auto value = run(*e.args.front());
    if (!value) return value;
    if (name == "artifact") {
      auto properties = run(*e.args[1]);
      return properties && *properties ? with_properties(*value, **properties) : properties;
    }
    if (name == "present") return value->has_value();
    if (name == "default") return *value && !(*value)->is_null() ? value : run(*e.args[1]);
    if (*value) return value;  // required
    if (e.args.size() == 1) return raised("required", "a value that is required is absent");
    auto message = run(*e.args[1]);
    if (!message || !*message) return message;
    auto text = to_text(**message, budget_);
    if (!text || !*text) return text;
    return raised("required",
                  (*text)->is_string() ? *(*text)->if_string() : "a value that is required is absent");
  }

  Evaluated mapped(const Expression& e) {
    const auto* variable = variable_of_map(e);
    if (variable == nullptr) return raised("type", "`map` takes a list, a name and an expression");
    auto all = run(*e.args.front());
    if (!all || !*all) return all;
    const auto* items = (*all)->if_list();
    if (items == nullptr) return raised("type", "`map` takes a list, not " + kind_with_article(**all));
    List values;
    for (const auto& item : *items) {
      const auto* around = scope_;
      const MapScope inside(*around, *variable, item);
      scope_ = &inside;
      auto value = run(*e.args[2]);
      scope_ = around;
      if (!value) return value;
      if (!budget_.elements(1)) return budget_.exceeded();
      if (*value) values.push_back(std::move(**value));
    }
    return bounded(std::move(values), budget_);
  }

  const Scope* scope_;
  Budget budget_;
  int depth_ = 0;
};

}  // namespace

Evaluated evaluate(const Expression& expression, const Scope& scope, EvaluationLimits limits) {
  return Evaluator(scope, limits).run(expression);
}

}  // namespace sluice::syntax
