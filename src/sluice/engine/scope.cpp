#include "sluice/engine/scope.hpp"

namespace sluice::engine {

using syntax::Evaluated;
using syntax::Maybe;

Value failure_value(const Failure& failure) {
  Struct s;
  s.set("kind", failure.kind);
  s.set("message", failure.message);
  s.set("payload", failure.payload);
  s.set("source", failure.source);
  if (failure.exit_code) s.set("exit_code", *failure.exit_code);
  if (failure.signal) s.set("signal", *failure.signal);
  return s;
}

Failure failure_of(const syntax::Raised& raised, std::string source) {
  return {
      .kind = raised.kind, .message = raised.message, .payload = raised.payload, .source = std::move(source)};
}

const OperationState* RegionScope::operation(std::string_view name) const {
  for (const auto* region = &region_; region; region = region->owner ? region->owner->region : nullptr) {
    if (const auto found = region->shape->index.find(name); found != region->shape->index.end())
      return &region->operations[found->second];
    if (region->boundary) break;
  }
  return nullptr;
}

Evaluated RegionScope::lookup(std::string_view name) const {
  for (const auto& [key, value] : extra_)
    if (key == name) return value;
  for (const auto* region = &region_; region; region = region->owner ? region->owner->region : nullptr) {
    for (const auto& [key, value] : region->bindings)
      if (key == name) return value;
    if (const auto found = region->shape->index.find(name); found != region->shape->index.end()) {
      const auto& producer = region->operations[found->second];
      if (!producer.ended() || producer.status != Status::succeeded) return Maybe{};
      return producer.outputs.is_struct() ? producer.outputs : Value(Struct{});
    }
    if (region->boundary) break;
  }
  return Maybe{};
}

Evaluated RegionScope::status_of(std::string_view name) const {
  const auto* found = operation(name);
  if (!found || !found->ended()) return Maybe{};
  return Value(engine::name(found->status));
}

Evaluated RegionScope::error_of(std::string_view name) const {
  const auto* found = operation(name);
  if (!found || !found->failure) return Maybe{};
  return failure_value(*found->failure);
}

bool RegionScope::holds_outputs(std::string_view name) const {
  for (const auto& [key, value] : extra_)
    if (key == name) return name == "self";
  for (const auto* region = &region_; region; region = region->owner ? region->owner->region : nullptr) {
    for (const auto& [key, value] : region->bindings)
      if (key == name) return name == "inputs";
    if (region->shape->index.contains(name)) return true;
    if (region->boundary) break;
  }
  return false;
}

}  // namespace sluice::engine
