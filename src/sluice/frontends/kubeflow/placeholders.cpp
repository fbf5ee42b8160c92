#include "sluice/frontends/kubeflow/placeholders.hpp"

#include <vector>

#include "sluice/base/json.hpp"

namespace sluice::frontends::kubeflow {
namespace {

using syntax::Operator;

constexpr std::string_view opening = "{{$";
constexpr std::string_view closing = "}}";
constexpr int nested_max = 50;

/// The name in `['name']` or `["name"]`, which is removed from the front; "": there is none.
std::string_view take_name(std::string_view& rest) {
  for (const std::string_view quote : {"'", "\"", "''"}) {
    const auto begin = "[" + std::string(quote);
    const auto end = std::string(quote) + "]";
    if (!rest.starts_with(begin) || (quote == "'" && rest.starts_with("[''"))) continue;
    const auto stop = rest.find(end, begin.size());
    if (stop == std::string_view::npos) return {};
    const auto name = rest.substr(begin.size(), stop - begin.size());
    rest.remove_prefix(stop + end.size());
    return name;
  }
  return {};
}

class Filler {
 public:
  Filler(Location at, const Placeholders& values, ir::Problems& problems)
      : at_(at), values_(values), problems_(problems) {}

  Typed text(std::string_view text) {
    std::vector<ExpressionPtr> pieces;
    std::optional<Typed> only;
    std::size_t begin = 0;
    while (true) {
      const auto open = text.find(opening, begin);
      const auto close = open == std::string_view::npos ? open : text.find(closing, open);
      const auto end = close == std::string_view::npos ? text.size() : open;
      if (end > begin) pieces.push_back(literal(text.substr(begin, end - begin), at_));
      if (close == std::string_view::npos) break;
      const auto inside = text.substr(open + opening.size(), close - open - opening.size());
      auto value = placeholder(inside);
      if (open == 0 && close + closing.size() == text.size()) only = value;
      pieces.push_back(as_text(value));
      begin = close + closing.size();
    }
    if (only) return *only;
    return {.value = joined(std::move(pieces), at_), .type = ParameterType::string, .may_be_absent = false};
  }

  /// `{"Concat": […]}`, `{"IfPresent": {…}}`, a text or a list of these.
  ExpressionPtr nested(const Value& value, int depth) {
    if (depth > nested_max) return refused("is nested too deep");
    if (const auto* words = value.if_string()) return as_text(text(*words));
    if (const auto* items = value.if_list()) {
      std::vector<ExpressionPtr> made;
      for (const auto& item : *items) made.push_back(nested(item, depth + 1));
      return list(std::move(made), at_);
    }
    if (const auto* concat = value.find("Concat"); concat != nullptr && concat->is_list()) {
      // What is absent in it is left out.
      std::vector<ExpressionPtr> made;
      for (const auto& item : *concat->if_list()) made.push_back(nested(item, depth + 1));
      return call("join", {list(std::move(made), at_), literal("", at_)}, at_);
    }
    const auto* condition = value.find("IfPresent");
    if (condition == nullptr || condition->find("Then") == nullptr)
      return refused("is neither {\"Concat\": [...]} nor {\"IfPresent\": {\"InputName\", \"Then\"}}");
    const auto input = condition->text_at("InputName");
    const auto parameter = values_.parameter(input);
    const auto given = parameter ? parameter->value : values_.input_artifact(input);
    const auto* otherwise = condition->find("Else");
    auto then = nested(*condition->find("Then"), depth + 1);
    auto other = otherwise != nullptr && !otherwise->is_null() ? nested(*otherwise, depth + 1) : absent(at_);
    if (!given) return other;
    return call("if", {call("present", {given}, at_), std::move(then), std::move(other)}, at_);
  }

 private:
  Typed placeholder(std::string_view inside) {
    const auto found = [&](ExpressionPtr value, std::optional<ParameterType> type) {
      return Typed{.value = std::move(value), .type = type, .may_be_absent = false};
    };
    if (inside.empty())
      if (auto value = values_.executor_input()) return found(std::move(value), ParameterType::string);
    auto rest = inside;
    const auto take = [&rest](std::string_view what) {
      const bool is = rest.starts_with(what);
      if (is) rest.remove_prefix(what.size());
      return is;
    };
    if (take(".inputs.parameters")) {
      const auto name = take_name(rest);
      if (rest.empty()) {
        if (auto value = values_.parameter(name)) return *value;
        return unknown(inside, "there is no input parameter `" + std::string(name) + "`");
      }
    } else if (take(".inputs.artifacts")) {
      const auto name = take_name(rest);
      auto artifact = values_.input_artifact(name);
      if (!artifact) return unknown(inside, "there is no input artifact `" + std::string(name) + "`");
      if (rest == ".path" || rest == ".uri") return found(values_.path_of(artifact), ParameterType::string);
      if (take(".metadata"))
        if (auto value = metadata(field(artifact, "metadata"), rest))
          return found(std::move(value), std::nullopt);
      if (rest == ".name") return found(field(artifact, "name"), ParameterType::string);
    } else if (take(".outputs.artifacts")) {
      const auto name = take_name(rest);
      auto path = values_.output_artifact(name);
      if (!path) return unknown(inside, "there is no output artifact `" + std::string(name) + "`");
      if (rest == ".path" || rest == ".uri") return found(std::move(path), ParameterType::string);
      if (rest == ".name") return found(literal(name, at_), ParameterType::string);
    } else if (inside == ".outputs.output_file" || inside == ".outputMetadataUri") {
      if (auto value = values_.executor_output()) return found(std::move(value), ParameterType::string);
    } else if (take(".outputs.parameters")) {
      const auto name = take_name(rest);
      auto path = values_.output_parameter(name);
      if (!path) return unknown(inside, "there is no output parameter `" + std::string(name) + "`");
      if (rest == ".output_file") return found(std::move(path), ParameterType::string);
    } else if (take(".")) {
      if (auto value = values_.about_run(rest)) return found(std::move(value), ParameterType::string);
    }
    return unknown(inside, inside == ".workspace_path"
                               ? "the pipeline has no workspace; give it one by `PipelineConfig(workspace=…)`"
                               : "there is no such placeholder here");
  }

  /// `['key']` of an artifact's metadata: absent where there is none. Null: it is something else.
  ExpressionPtr metadata(const ExpressionPtr& whole, std::string_view rest) {
    std::vector<ExpressionPtr> args{whole};
    while (!rest.empty()) {
      const auto key = take_name(rest);
      if (key.empty()) return nullptr;
      args.push_back(literal(key, at_));
    }
    if (args.size() == 1) return args.front();
    return call("get", std::move(args), at_);
  }

  Typed unknown(std::string_view inside, const std::string& why) {
    problems_.add(at_, "`{{$" + std::string(inside.substr(0, 100)) + "}}` cannot be filled in: " + why);
    return {.value = literal("", at_), .type = std::nullopt, .may_be_absent = false};
  }
  ExpressionPtr refused(const std::string& why) {
    problems_.add(at_, "the argument " + why);
    return literal("", at_);
  }

  Location at_;
  const Placeholders& values_;
  ir::Problems& problems_;
};

}  // namespace

ExpressionPtr Placeholders::path_of(const ExpressionPtr& input) const {
  return call("path", {input}, input->at);
}

ExpressionPtr as_text(const Typed& value) {
  const auto at = value.value->at;
  if (value.type == ParameterType::string) return value.value;
  auto text = call("text", {value.value}, at);
  if (value.type != ParameterType::number) return text;
  const auto whole = operation(Operator::floor_divide, {value.value, literal(1, at)}, at);
  // Within what an integer holds.
  constexpr double large = 1e15;
  const auto is_small = operation(Operator::logical_and,
                                  {operation(Operator::less, {value.value, literal(large, at)}, at),
                                   operation(Operator::greater, {value.value, literal(-large, at)}, at)},
                                  at);
  const auto is_whole =
      operation(Operator::logical_and, {is_small, operation(Operator::equal, {value.value, whole}, at)}, at);
  return call("if", {is_whole, call("text", {whole}, at), text}, at);
}

Typed filled_in(const Text& text, const Placeholders& placeholders, ir::Problems& problems) {
  if (!text.text.contains(opening))
    return {.value = literal(text.text, text.at), .type = ParameterType::string, .may_be_absent = false};
  return Filler(text.at, placeholders, problems).text(text.text);
}

ExpressionPtr argument(const Text& text, const Placeholders& placeholders, ir::Problems& problems) {
  if (text.text.starts_with("{\"Concat\":") || text.text.starts_with("{\"IfPresent\":")) {
    const auto read = parse_json(text.text);
    if (read) return Filler(text.at, placeholders, problems).nested(*read, 0);
  }
  return as_text(filled_in(text, placeholders, problems));
}

ExpressionPtr filled_in(const Value& value, Location at, const Placeholders& placeholders,
                        ir::Problems& problems) {
  if (const auto* text = value.if_string())
    return filled_in(Text{.text = *text, .at = at}, placeholders, problems).value;
  if (const auto* items = value.if_list()) {
    std::vector<ExpressionPtr> made;
    for (const auto& item : *items) made.push_back(filled_in(item, at, placeholders, problems));
    return list(std::move(made), at);
  }
  if (const auto* fields = value.if_struct()) {
    Fields made;
    for (const auto& [key, one] : *fields) made.emplace_back(key, filled_in(one, at, placeholders, problems));
    return structure(std::move(made), at);
  }
  return literal(value, at);
}

}  // namespace sluice::frontends::kubeflow
