#include "sluice/engine/event.hpp"

namespace sluice::engine {
namespace {

std::size_t size_of(const Value& value);

std::size_t size_of(const Struct& fields) {
  std::size_t size = 0;
  for (const auto& [name, value] : fields) size += name.size() + size_of(value);
  return size;
}

std::size_t size_of(const List& list) {
  std::size_t size = 0;
  for (const auto& value : list) size += size_of(value);
  return size;
}

std::size_t size_of(const Template& text) {
  std::size_t size = 0;
  for (const auto& part : text.parts) {
    const auto* literal = std::get_if<std::string>(&part);
    size += literal ? literal->size() : sizeof part;
  }
  return size;
}

std::size_t size_of(const Value& value) {
  if (const auto* text = value.if_string()) return sizeof value + text->size();
  if (const auto* list = value.if_list()) return sizeof value + size_of(*list);
  if (const auto* fields = value.if_struct()) return sizeof value + size_of(*fields);
  if (const auto* text = value.if_late()) return sizeof value + size_of(*text);
  const auto* artifact = value.if_artifact();
  if (!artifact) return sizeof value;
  return sizeof *artifact + artifact->name.size() + artifact->uri.size() +
         (artifact->metadata ? size_of(*artifact->metadata) : 0);
}

std::size_t size_of(const Failure& failure) {
  return failure.kind.size() + failure.message.size() + failure.source.size() + size_of(failure.payload);
}

/// The size of what an event has besides its numbers and its path.
struct Size {
  std::size_t operator()(const RunCreated& e) const {
    return e.plan.size() + size_of(e.inputs) + size_of(e.code) + size_of(e.environments) + size_of(e.images);
  }
  std::size_t operator()(const Claimed&) const { return 0; }
  std::size_t operator()(const RegionStarted& e) const {
    return e.path.size() + size_of(e.items) + size_of(e.inputs);
  }
  std::size_t operator()(const IterationStarted& e) const { return e.path.size(); }
  std::size_t operator()(const IterationEnded& e) const {
    return e.path.size() + size_of(e.outputs) + size_of(e.failure);
  }
  std::size_t operator()(const TaskReady& e) const { return e.path.size() + size_of(e.call); }
  std::size_t operator()(const CacheHit& e) const {
    return e.path.size() + e.made_by.size() + size_of(e.outputs);
  }
  std::size_t operator()(const Scheduled& e) const { return e.path.size(); }
  std::size_t operator()(const AttemptEnded& e) const {
    return e.path.size() + size_of(e.outcome.outputs) + size_of(e.outcome.failure) +
           size_of(e.outcome.environment);
  }
  std::size_t operator()(const RetryAt& e) const { return e.path.size(); }
  std::size_t operator()(const TimedOut& e) const { return e.path.size(); }
  std::size_t operator()(const Stopping& e) const { return e.path.size() + e.reason.size(); }
  std::size_t operator()(const Ended& e) const {
    return e.path.size() + size_of(e.outputs) + size_of(e.failure);
  }
  std::size_t operator()(const RunEnded& e) const { return size_of(e.outputs) + size_of(e.failure); }
};

}  // namespace

std::size_t approximate_size(const Event& event) { return sizeof event + std::visit(Size(), event); }

}  // namespace sluice::engine
