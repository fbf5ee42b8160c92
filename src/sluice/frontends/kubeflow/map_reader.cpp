#include "sluice/frontends/kubeflow/map_reader.hpp"

#include <algorithm>
#include <cmath>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::frontends::kubeflow {
namespace {

bool is_absent(const Node& node) { return node.kind == Node::Kind::scalar && node.scalar.is_null(); }

std::optional<std::int64_t> integral(double number) {
  constexpr double largest = 0x1p63;
  if (std::trunc(number) != number || number < -largest || number >= largest) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

MapReader::MapReader(const Node* node, std::string what, ir::Problems& problems)
    : node_(node), what_(std::move(what)), problems_(problems) {
  if (node_ == nullptr || is_absent(*node_)) {
    node_ = nullptr;
  } else if (node_->kind != Node::Kind::map) {
    problems_.add(node_->at, what_ + " should be a map");
    node_ = nullptr;
  }
}

const Node* MapReader::any(std::string_view key) {
  asked_.push_back(key);
  if (node_ == nullptr) return nullptr;
  const auto* found = node_->find(key);
  return found == nullptr || is_absent(*found) ? nullptr : found;
}

void MapReader::wrong(const Node& node, std::string_view key, std::string_view wanted) {
  problems_.add(node.at, "`" + std::string(key) + "` of " + what_ + " should be " + std::string(wanted));
}

std::string MapReader::text(std::string_view key) {
  const auto* node = any(key);
  if (node == nullptr) return "";
  if (node->kind == Node::Kind::scalar) {
    if (const auto* text = node->scalar.if_string()) return *text;
    return node->spelling;
  }
  wrong(*node, key, "a text");
  return "";
}

bool MapReader::flag(std::string_view key) {
  const auto* node = any(key);
  if (node == nullptr) return false;
  if (const auto* flag = node->scalar.if_boolean()) return *flag;
  wrong(*node, key, "true or false");
  return false;
}

std::optional<double> MapReader::number(std::string_view key) {
  const auto* node = any(key);
  if (node == nullptr) return std::nullopt;
  if (const auto number = node->scalar.as_double()) return number;
  wrong(*node, key, "a number");
  return std::nullopt;
}

std::optional<std::int64_t> MapReader::integer(std::string_view key) {
  const auto* node = any(key);
  if (node == nullptr) return std::nullopt;
  std::optional<std::int64_t> found;
  if (const auto* text = node->scalar.if_string())
    found = parse_integer<std::int64_t>(*text);
  else if (const auto number = node->scalar.as_double())
    found = integral(*number);
  if (!found) wrong(*node, key, "an integer");
  return found;
}

const std::vector<Node::Field>& MapReader::map(std::string_view key) {
  static const std::vector<Node::Field> none;
  const auto* node = any(key);
  if (node == nullptr) return none;
  if (node->kind == Node::Kind::map) return node->fields;
  wrong(*node, key, "a map");
  return none;
}

const std::vector<Node>& MapReader::list(std::string_view key) {
  static const std::vector<Node> none;
  const auto* node = any(key);
  if (node == nullptr) return none;
  if (node->kind == Node::Kind::list) return node->items;
  wrong(*node, key, "a list");
  return none;
}

std::vector<std::string> MapReader::texts(std::string_view key) {
  std::vector<std::string> out;
  for (const auto& item : list(key)) {
    const auto* text = item.scalar.if_string();
    if (text != nullptr)
      out.push_back(*text);
    else
      wrong(item, key, "a list of texts");
  }
  return out;
}

std::optional<std::int64_t> MapReader::duration(std::string_view key) {
  const auto* node = any(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* text = node->scalar.if_string(); text != nullptr && text->ends_with('s')) {
    const auto seconds = parse_json(text->substr(0, text->size() - 1));
    constexpr double longest = 100.0 * 366 * 24 * 3600;
    if (seconds && seconds->as_double() && *seconds->as_double() >= 0 && *seconds->as_double() <= longest)
      return static_cast<std::int64_t>(*seconds->as_double() * 1000);
  }
  wrong(*node, key, "a number of seconds, such as 60s");
  return std::nullopt;
}

Location MapReader::place(std::string_view key) const {
  if (node_ == nullptr) return {};
  const auto found = std::ranges::find(node_->fields, key, &Node::Field::key);
  return found == node_->fields.end() ? node_->at : found->value->at;
}

void MapReader::ignore(std::initializer_list<std::string_view> keys) {
  asked_.insert(asked_.end(), keys.begin(), keys.end());
}

void MapReader::end() {
  if (node_ == nullptr) return;
  for (const auto& field : node_->fields)
    if (std::ranges::find(asked_, field.key) == asked_.end())
      problems_.add(field.at, what_ + " has `" + field.key + "`, which is not known here" +
                                  problems_.suggest(field.key, asked_));
}

Value with_integers(const Value& value) {
  if (const auto* number = value.if_number()) {
    if (const auto whole = integral(*number)) return {*whole};
    return value;
  }
  if (const auto* list = value.if_list()) {
    List out;
    out.reserve(list->size());
    for (const auto& item : *list) out.push_back(with_integers(item));
    return out;
  }
  if (const auto* fields = value.if_struct()) {
    Struct out;
    for (const auto& [name, field] : *fields) out.append(name, with_integers(field));
    return out;
  }
  return value;
}

}  // namespace sluice::frontends::kubeflow
