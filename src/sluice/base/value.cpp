#include "sluice/base/value.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace sluice {

const Value* Struct::find(std::string_view key) const {
  for (const auto& [k, v] : entries_)
    if (k == key) return &v;
  return nullptr;
}

Value* Struct::find(std::string_view key) {
  for (auto& [k, v] : entries_)
    if (k == key) return &v;
  return nullptr;
}

Value& Struct::set(std::string key, Value value) {
  if (auto* existing = find(key)) return *existing = std::move(value);
  return entries_.emplace_back(std::move(key), std::move(value)).second;
}

void Struct::append(std::string key, Value value) { entries_.emplace_back(std::move(key), std::move(value)); }

std::size_t Struct::size() const { return entries_.size(); }
bool Struct::empty() const { return entries_.empty(); }
const Struct::Entry* Struct::begin() const { return entries_.data(); }
const Struct::Entry* Struct::end() const { return entries_.data() + entries_.size(); }

bool Struct::erase(std::string_view key) {
  return std::erase_if(entries_, [&](const Entry& e) { return e.first == key; }) > 0;
}

bool Struct::operator==(const Struct& other) const {
  return size() == other.size() && std::ranges::all_of(entries_, [&](const Entry& e) {
           const auto* theirs = other.find(e.first);
           return theirs != nullptr && *theirs == e.second;
         });
}

bool Artifact::operator==(const Artifact& other) const {
  const bool same_metadata =
      (metadata && !metadata->empty()) == (other.metadata && !other.metadata->empty()) &&
      (!metadata || metadata->empty() || *metadata == *other.metadata);
  return kind == other.kind && form == other.form && digest == other.digest && uri == other.uri &&
         same_metadata;
}

bool PathPlaceholder::operator==(const PathPlaceholder& other) const {
  if (kind != other.kind || output != other.output) return false;
  return kind != Kind::input || *artifact == *other.artifact;
}

Value::~Value() = default;
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::Value(std::string s) : data_(std::make_shared<const std::string>(std::move(s))) {}
Value::Value(std::string_view s) : Value(std::string(s)) {}
Value::Value(const char* s) : Value(std::string(s)) {}
Value::Value(List l) : data_(std::make_shared<const List>(std::move(l))) {}
Value::Value(Struct s) : data_(std::make_shared<const Struct>(std::move(s))) {}
Value::Value(Artifact a) : data_(std::make_shared<const Artifact>(std::move(a))) {}
Value::Value(Template t) : data_(std::make_shared<const Template>(std::move(t))) {}

std::optional<double> Value::as_double() const {
  if (const auto* i = if_integer()) return static_cast<double>(*i);
  if (const auto* d = if_number()) return *d;
  return std::nullopt;
}

const Value* Value::find(std::string_view key) const {
  const auto* s = if_struct();
  return s ? s->find(key) : nullptr;
}

std::string Value::text_at(std::string_view key, std::string_view otherwise) const {
  const auto* v = find(key);
  const auto* s = v ? v->if_string() : nullptr;
  return s ? *s : std::string(otherwise);
}

std::int64_t Value::integer_at(std::string_view key, std::int64_t otherwise) const {
  const auto* v = find(key);
  const auto* i = v ? v->if_integer() : nullptr;
  return i ? *i : otherwise;
}

double Value::number_at(std::string_view key, double otherwise) const {
  const auto* v = find(key);
  return v ? v->as_double().value_or(otherwise) : otherwise;
}

bool Value::boolean_at(std::string_view key, bool otherwise) const {
  const auto* v = find(key);
  const auto* b = v ? v->if_boolean() : nullptr;
  return b ? *b : otherwise;
}

bool Value::operator==(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::null: return true;
    case Kind::boolean: return *if_boolean() == *other.if_boolean();
    case Kind::integer: return *if_integer() == *other.if_integer();
    case Kind::number: return *if_number() == *other.if_number();
    case Kind::string: return *if_string() == *other.if_string();
    case Kind::list: return *if_list() == *other.if_list();
    case Kind::structure: return *if_struct() == *other.if_struct();
    case Kind::artifact: return *if_artifact() == *other.if_artifact();
    case Kind::late: return *if_late() == *other.if_late();
  }
  return false;
}

std::string_view kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::null: return "null";
    case Value::Kind::boolean: return "boolean";
    case Value::Kind::integer: return "integer";
    case Value::Kind::number: return "number";
    case Value::Kind::string: return "string";
    case Value::Kind::list: return "list";
    case Value::Kind::structure: return "struct";
    case Value::Kind::artifact: return "artifact";
    case Value::Kind::late: return "path";
  }
  return "?";
}

}  // namespace sluice
