#include "sluice/syntax/evaluator.hpp"

#include <algorithm>
#include <cmath>

#include "sluice/base/json.hpp"

namespace sluice::syntax {
namespace {

/// Values come from JSON of at most this depth, and are stored as JSON again.
constexpr int value_depth_max = 200;

/// Compares an integer with a double, without the rounding of a conversion.
std::partial_ordering compare_exactly(std::int64_t i, double d) {
  if (d >= 0x1p63) return std::partial_ordering::less;
  if (d < -0x1p63) return std::partial_ordering::greater;
  const double whole = std::floor(d);
  const auto truncated = static_cast<std::int64_t>(whole);
  if (i != truncated) return i <=> truncated;
  return 0.0 <=> d - whole;
}

/// Whether the value is deeper than `left`; `steps` counts the values visited.
bool deeper(const Value& value, int left, std::size_t& steps) {
  ++steps;
  if (left == 0) return true;
  if (const auto* list = value.if_list())
    return std::ranges::any_of(*list, [&](const Value& v) { return deeper(v, left - 1, steps); });
  if (const auto* fields = value.if_struct())
    return std::any_of(fields->begin(), fields->end(),
                       [&](const auto& f) { return deeper(f.second, left - 1, steps); });
  return false;
}

}  // namespace

Evaluated Budget::exceeded() const {
  if (bytes_ > limits_.bytes_max)
    return raised("limit", "the expression makes more than " + std::to_string(limits_.bytes_max >> 20) +
                               " MiB of text and lists");
  return raised("limit", "the expression takes more than " + std::to_string(limits_.steps_max) + " steps");
}

std::unexpected<Raised> raised(std::string kind, std::string message) {
  return std::unexpected(Raised{.kind = std::move(kind), .message = std::move(message), .payload = {}});
}

std::string kind_with_article(const Value& value) {
  const auto name = kind_name(value.kind());
  if (value.is_null()) return "null";
  return (name == "integer" || name == "artifact" ? "an " : "a ") + std::string(name);
}

bool same(const Value& a, const Value& b) {
  if (const auto ordering = order(a, b)) return *ordering == std::partial_ordering::equivalent;
  if (a.kind() != b.kind()) return false;
  if (const auto* list = a.if_list())
    return std::ranges::equal(*list, *b.if_list(), [](const Value& x, const Value& y) { return same(x, y); });
  if (const auto* fields = a.if_struct()) {
    const auto& others = *b.if_struct();
    if (fields->size() != others.size()) return false;
    std::vector<const Struct::Entry*> left;
    std::vector<const Struct::Entry*> right;
    for (const auto& entry : *fields) left.push_back(&entry);
    for (const auto& entry : others) right.push_back(&entry);
    const auto by_key = [](const Struct::Entry* e) -> const std::string& { return e->first; };
    std::ranges::sort(left, {}, by_key);
    std::ranges::sort(right, {}, by_key);
    return std::ranges::equal(left, right, [](const auto* x, const auto* y) {
      return x->first == y->first && same(x->second, y->second);
    });
  }
  return a == b;
}

std::optional<std::partial_ordering> order(const Value& a, const Value& b) {
  const auto* ai = a.if_integer();
  const auto* bi = b.if_integer();
  const auto* ad = a.if_number();
  const auto* bd = b.if_number();
  if (ai && bi) return *ai <=> *bi;
  if (ad && bd) return *ad <=> *bd;
  if (ai && bd) return compare_exactly(*ai, *bd);
  if (ad && bi) return 0 <=> compare_exactly(*bi, *ad);
  if (a.is_string() && b.is_string()) return *a.if_string() <=> *b.if_string();
  return std::nullopt;
}

Evaluated to_text(const Value& value, Budget& budget) {
  if (value.is_string() || value.kind() == Value::Kind::late) return value;
  if (const auto* artifact = value.if_artifact()) {
    Template path;
    path.parts.emplace_back(PathPlaceholder{.kind = PathPlaceholder::Kind::input,
                                            .artifact = std::make_shared<const Artifact>(*artifact),
                                            .output = {}});
    return Value(std::move(path));
  }
  return find_function("json.encode")->function(std::span(&value, 1), budget);
}

Evaluated join_texts(std::span<const Value> pieces, Budget& budget) {
  Template joined;
  std::string text;
  for (const auto& piece : pieces) {
    auto made = to_text(piece, budget);
    if (!made || !*made) return made;
    if (const auto* string = (*made)->if_string()) {
      if (!budget.bytes(string->size())) return budget.exceeded();
      text += *string;
      continue;
    }
    for (const auto& part : (*made)->if_late()->parts) {
      if (const auto* string = std::get_if<std::string>(&part)) {
        if (!budget.bytes(string->size())) return budget.exceeded();
        text += *string;
        continue;
      }
      if (!text.empty()) joined.parts.emplace_back(std::exchange(text, {}));
      joined.parts.push_back(part);
    }
  }
  if (joined.parts.empty()) return Value(std::move(text));
  if (!text.empty()) joined.parts.emplace_back(std::move(text));
  return Value(std::move(joined));
}

Evaluated bounded(Value made, Budget& budget) {
  std::size_t steps = 0;
  const bool too_deep = deeper(made, value_depth_max, steps);
  if (!budget.steps(steps / 16)) return budget.exceeded();
  if (too_deep)
    return raised("depth", "the value nests more than " + std::to_string(value_depth_max) + " deep");
  return made;
}

}  // namespace sluice::syntax
