#include <algorithm>
#include <array>
#include <limits>

#include "sluice/base/json.hpp"
#include "sluice/syntax/evaluator.hpp"

namespace sluice::syntax {
namespace {

using Args = std::span<const Value>;

std::unexpected<Raised> wrong(std::string_view function, std::string_view wanted, const Value& given) {
  return raised("type", "`" + std::string(function) + "` takes " + std::string(wanted) + ", not " +
                            kind_with_article(given));
}

Evaluated text(Args args, Budget& budget) { return to_text(args[0], budget); }

/// The approximate size of a value as JSON, in bytes; stops counting at `most`.
std::size_t json_size(const Value& value, std::size_t most) {
  if (const auto* string = value.if_string()) return string->size() + 2;
  std::size_t sum = 2;
  if (const auto* list = value.if_list())
    for (const auto& v : *list)
      if ((sum += json_size(v, most) + 1) > most) break;
  if (const auto* fields = value.if_struct())
    for (const auto& [k, v] : *fields)
      if ((sum += k.size() + 4 + json_size(v, most)) > most) break;
  return sum;
}

/// Writes JSON in which artifacts and late paths are quoted holes.
Evaluated encode_with_holes(const Value& value, Budget& budget);

bool has_holes(const Value& value) {
  if (value.is_artifact() || value.kind() == Value::Kind::late) return true;
  if (const auto* list = value.if_list()) return std::ranges::any_of(*list, has_holes);
  if (const auto* fields = value.if_struct())
    return std::any_of(fields->begin(), fields->end(), [](const auto& f) { return has_holes(f.second); });
  return false;
}

Evaluated json_encode(Args args, Budget& budget) {
  const auto size = json_size(args[0], std::numeric_limits<std::uint32_t>::max());
  if (!budget.bytes(size) || !budget.steps(size / 64)) return budget.exceeded();
  return has_holes(args[0]) ? encode_with_holes(args[0], budget) : Value(to_json(args[0]));
}

Evaluated encode_with_holes(const Value& value, Budget& budget) {
  std::vector<Value> pieces;
  const auto walk = [&pieces, &budget](const auto& self, const Value& v) -> void {
    if (v.is_artifact() || v.kind() == Value::Kind::late) {
      pieces.emplace_back("\"");
      if (const auto* late = v.if_late()) {
        Template escaped;
        for (const auto& part : late->parts) {
          const auto* string = std::get_if<std::string>(&part);
          if (!string) {
            escaped.parts.push_back(part);
            continue;
          }
          const auto quoted = to_json(Value(*string));
          escaped.parts.emplace_back(quoted.substr(1, quoted.size() - 2));
        }
        pieces.emplace_back(std::move(escaped));
      } else if (auto path = to_text(v, budget); path && *path) {
        pieces.push_back(std::move(**path));
      }
      pieces.emplace_back("\"");
    } else if (const auto* list = v.if_list()) {
      pieces.emplace_back("[");
      for (std::size_t i = 0; i < list->size(); ++i) {
        if (i > 0) pieces.emplace_back(",");
        self(self, (*list)[i]);
      }
      pieces.emplace_back("]");
    } else if (const auto* fields = v.if_struct()) {
      pieces.emplace_back("{");
      bool first = true;
      for (const auto& [k, field] : *fields) {
        pieces.emplace_back((std::exchange(first, false) ? "" : ",") + to_json(Value(k)) + ":");
        self(self, field);
      }
      pieces.emplace_back("}");
    } else {
      pieces.emplace_back(to_json(v));
    }
  };
  walk(walk, value);
  return join_texts(pieces, budget);
}

Evaluated json_decode(Args args, Budget& budget) {
  const auto* string = args[0].if_string();
  if (!string) return wrong("json.decode", "a string", args[0]);
  if (!budget.bytes(string->size()) || !budget.steps(string->size() / 16)) return budget.exceeded();
  auto read = parse_json(*string, "text");
  if (!read) return raised("value", "cannot decode the JSON: " + read.error().message);
  return std::move(*read);
}

/// The inverse of `text`: what is not JSON was a string.
Evaluated parse(Args args, Budget& budget) {
  if (!args[0].is_string()) return args[0];
  auto read = json_decode(args, budget);
  if (!read && read.error().kind == "value") return args[0];
  return read;
}

Evaluated path(Args args, Budget& budget) {
  if (!args[0].is_artifact() && args[0].kind() != Value::Kind::late)
    return wrong("path", "an artifact", args[0]);
  return to_text(args[0], budget);
}

Evaluated get(Args args, Budget& budget) {
  Value current = args[0];
  const auto step = [&current](const Value& key) -> bool {
    Value next;
    if (const auto* name = key.if_string(); name && current.find(*name)) {
      next = *current.find(*name);
    } else if (const auto* i = key.if_integer(); i && current.is_list()) {
      const auto& list = *current.if_list();
      if (*i < 0 || *i >= static_cast<std::int64_t>(list.size())) return false;
      next = list[static_cast<std::size_t>(*i)];
    } else {
      return false;
    }
    current = std::move(next);
    return true;
  };
  for (const auto& key : args.subspan(1)) {
    if (const auto* keys = key.if_list()) {
      if (!budget.steps(keys->size())) return budget.exceeded();
      if (!std::ranges::all_of(*keys, step)) return std::nullopt;
    } else if (!step(key)) {
      return std::nullopt;
    }
  }
  return current;
}

Evaluated len(Args args, Budget&) {
  if (const auto* list = args[0].if_list()) return static_cast<std::int64_t>(list->size());
  if (const auto* fields = args[0].if_struct()) return static_cast<std::int64_t>(fields->size());
  const auto* string = args[0].if_string();
  if (!string) return wrong("len", "a string, list or struct", args[0]);
  // Characters, not bytes.
  return static_cast<std::int64_t>(
      std::ranges::count_if(*string, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

Evaluated keys(Args args, Budget& budget) {
  const auto* fields = args[0].if_struct();
  if (!fields) return wrong("keys", "a struct", args[0]);
  if (!budget.elements(fields->size())) return budget.exceeded();
  List out;
  for (const auto& [k, v] : *fields) out.emplace_back(k);
  return Value(std::move(out));
}

Evaluated contains(Args args, Budget& budget) {
  const auto& whole = args[0];
  const auto& item = args[1];
  if (const auto* list = whole.if_list()) {
    if (!budget.steps(list->size() / 16)) return budget.exceeded();
    return std::ranges::any_of(*list, [&](const Value& v) { return same(v, item); });
  }
  const auto* part = item.if_string();
  if (const auto* fields = whole.if_struct(); fields && part) return fields->find(*part) != nullptr;
  if (const auto* string = whole.if_string(); string && part) return string->find(*part) != std::string::npos;
  return raised("type", "cannot look for " + kind_with_article(item) + " in " + kind_with_article(whole));
}

bool flatten_into(const List& list, std::int64_t levels, List& out, Budget& budget) {
  for (const auto& v : list) {
    const auto* inner = levels > 0 ? v.if_list() : nullptr;
    if (inner ? !flatten_into(*inner, levels - 1, out, budget) : !budget.elements(1)) return false;
    if (!inner) out.push_back(v);
  }
  return true;
}

Evaluated flatten(Args args, Budget& budget) {
  const auto* list = args[0].if_list();
  if (!list) return wrong("flatten", "a list", args[0]);
  std::int64_t levels = 1;
  if (args.size() > 1) {
    const auto* given = args[1].if_integer();
    if (!given) return wrong("flatten", "an integer as its second argument", args[1]);
    levels = *given;
  }
  List out;
  if (!flatten_into(*list, levels, out, budget)) return budget.exceeded();
  return Value(std::move(out));
}

Evaluated range(Args args, Budget& budget) {
  for (const auto& arg : args)
    if (!arg.if_integer()) return wrong("range", "integers", arg);
  const std::int64_t start = args.size() > 1 ? *args[0].if_integer() : 0;
  const std::int64_t stop = *args[args.size() > 1 ? 1 : 0].if_integer();
  const std::int64_t step = args.size() > 2 ? *args[2].if_integer() : 1;
  if (step == 0) return raised("value", "the step of `range` is zero");
  List out;
  std::int64_t i = start;
  while (step > 0 ? i < stop : i > stop) {
    if (!budget.elements(1)) return budget.exceeded();
    out.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value(std::move(out));
}

Evaluated structure(Args args, Budget& budget) {
  const auto* pairs = args[0].if_list();
  if (!pairs) return wrong("struct", "a list of [key, value]", args[0]);
  if (!budget.elements(pairs->size())) return budget.exceeded();
  std::vector<std::string> seen;
  Struct out;
  for (const auto& pair : *pairs) {
    const auto* two = pair.if_list();
    if (!two || two->size() != 2) return raised("type", "`struct` takes a list of [key, value]");
    auto key = to_text((*two)[0], budget);
    if (!key || !*key) return key;
    const auto* name = (*key)->if_string();
    if (!name) return raised("type", "a path cannot be a key");
    seen.push_back(*name);
    out.append(*name, (*two)[1]);
  }
  std::ranges::sort(seen);
  if (const auto twice = std::ranges::adjacent_find(seen); twice != seen.end())
    return raised("value", "the key `" + *twice + "` is given twice");
  return bounded(std::move(out), budget);
}

Evaluated extreme(std::string_view name, Args args, bool least) {
  if (args.size() == 1) {
    const auto* list = args[0].if_list();
    if (!list) return wrong(name, "a list, or several values", args[0]);
    if (list->empty()) return raised("value", "`" + std::string(name) + "` of an empty list");
    args = *list;
  }
  const Value* best = &args[0];
  if (!order(*best, *best)) return wrong(name, "numbers or strings", *best);
  for (const auto& arg : args.subspan(1)) {
    const auto ordering = order(arg, *best);
    if (!ordering)
      return raised("type", "cannot compare " + kind_with_article(arg) + " with " + kind_with_article(*best));
    if (least ? std::is_lt(*ordering) : std::is_gt(*ordering)) best = &arg;
  }
  return *best;
}
Evaluated least(Args args, Budget&) { return extreme("min", args, true); }
Evaluated most(Args args, Budget&) { return extreme("max", args, false); }

Evaluated split(Args args, Budget& budget) {
  const auto* string = args[0].if_string();
  const auto* separator = args[1].if_string();
  if (!string) return wrong("split", "a string", args[0]);
  if (!separator) return wrong("split", "a string as its separator", args[1]);
  if (separator->empty()) return raised("value", "the separator of `split` is empty");
  if (!budget.bytes(string->size())) return budget.exceeded();
  List out;
  for (std::size_t from = 0;;) {
    if (!budget.elements(1)) return budget.exceeded();
    const auto end = string->find(*separator, from);
    out.emplace_back(string->substr(from, end == std::string::npos ? end : end - from));
    if (end == std::string::npos) break;
    from = end + separator->size();
  }
  return Value(std::move(out));
}

Evaluated join(Args args, Budget& budget) {
  const auto* list = args[0].if_list();
  if (!list) return wrong("join", "a list", args[0]);
  if (!args[1].is_string()) return wrong("join", "a string as its separator", args[1]);
  if (!budget.elements(2 * list->size())) return budget.exceeded();
  std::vector<Value> pieces;
  for (const auto& v : *list) {
    if (!pieces.empty()) pieces.push_back(args[1]);
    pieces.push_back(v);
  }
  return join_texts(pieces, budget);
}

constexpr std::size_t any_number = 1000;
constexpr std::array library{
    LibraryEntry{"artifact", {2, 2}, nullptr},
    LibraryEntry{"contains", {2, 2}, contains},
    LibraryEntry{"default", {2, 2}, nullptr},
    LibraryEntry{"error", {1, 1}, nullptr},
    LibraryEntry{"first", {1, any_number}, nullptr},
    LibraryEntry{"flatten", {1, 2}, flatten},
    LibraryEntry{"get", {2, any_number}, get},
    LibraryEntry{"if", {3, 3}, nullptr},
    LibraryEntry{"join", {2, 2}, join},
    LibraryEntry{"json.decode", {1, 1}, json_decode},
    LibraryEntry{"json.encode", {1, 1}, json_encode},
    LibraryEntry{"keys", {1, 1}, keys},
    LibraryEntry{"len", {1, 1}, len},
    LibraryEntry{"map", {3, 3}, nullptr},
    LibraryEntry{"max", {1, any_number}, most},
    LibraryEntry{"min", {1, any_number}, least},
    LibraryEntry{"parse", {1, 1}, parse},
    LibraryEntry{"path", {1, 1}, path},
    LibraryEntry{"present", {1, 1}, nullptr},
    LibraryEntry{"range", {1, 3}, range},
    LibraryEntry{"required", {1, 2}, nullptr},
    LibraryEntry{"split", {2, 2}, split},
    LibraryEntry{"status", {1, 1}, nullptr},
    LibraryEntry{"struct", {1, 1}, structure},
    LibraryEntry{"text", {1, 1}, text},  // with more arguments the parser makes a text node
};

}  // namespace

const LibraryEntry* find_function(std::string_view name) {
  const auto entry = std::ranges::lower_bound(library, name, {}, &LibraryEntry::name);
  return entry != library.end() && entry->name == name ? &*entry : nullptr;
}

std::optional<FunctionArity> function_arity(std::string_view name) {
  const auto* entry = find_function(name);
  return entry ? std::optional(entry->arity) : std::nullopt;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  names.reserve(library.size());
  for (const auto& entry : library) names.emplace_back(entry.name);
  return names;
}

}  // namespace sluice::syntax
