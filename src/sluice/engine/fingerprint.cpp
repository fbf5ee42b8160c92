// The complete state of a run as one value, for comparing runs. Each function decomposes its struct into all
// of its members, so that adding a member is a compile error here until it is decided whether the fingerprint
// includes it.
#include <cstddef>
#include <utility>

#include "sluice/base/json.hpp"
#include "sluice/engine/state.hpp"

namespace sluice::engine {
namespace {

Value value_of(Time time) { return time.time_since_epoch().count(); }
Value value_of(std::size_t count) { return static_cast<std::int64_t>(count); }
template <typename Enumeration>
Value number_of(Enumeration which) {
  return static_cast<std::int64_t>(which);
}

Value value_of(const Principal& principal) {
  const auto& [workspace, name] = principal;
  return List{workspace, name};
}

Value value_of(const Failure& failure) {
  const auto& [kind, message, payload, source, exit_code, signal] = failure;
  const auto optional = [](const std::optional<std::int64_t>& value) {
    return value ? Value(*value) : Value();
  };
  return List{kind, message, payload, source, optional(exit_code), optional(signal)};
}

Value value_of(const Usage& usage) {
  const auto& [started, ended, cpu_ms, memory_peak, memory_of_tree, interpreter] = usage;
  return List{value_of(started), value_of(ended), cpu_ms, memory_peak, memory_of_tree, interpreter};
}

Value value_of(const Outcome& outcome) {
  const auto& [status, outputs, failure, environment, usage] = outcome;
  return List{number_of(status), outputs, value_of(failure), environment, value_of(usage)};
}

Value value_of(const Trigger& trigger) {
  const auto& [schedule, name, instant] = trigger;
  return List{schedule.text, name, value_of(instant)};
}

Value value_of(const RunCreated& created) {
  const auto& [run, principal, name, pipeline, plan, plan_digest, inputs, code, environments, images, cache,
               trigger, at] = created;
  return List{run.text,     value_of(principal),
              name,         pipeline,
              plan,         plan_digest.hex(),
              inputs,       code,
              environments, images,
              cache,        trigger ? value_of(*trigger) : Value(),
              value_of(at)};
}

Value value_of(const RunEnded& ended) {
  const auto& [status, outputs, failure, at] = ended;
  return List{number_of(status), outputs, value_of(failure), value_of(at)};
}

/// The value of what the pointer points to; null for a null pointer.
template <typename Pointer>
Value value_at(const Pointer& pointer);

Value value_of(const IterationResult& result) {
  const auto& [ended, status, outputs, failure] = result;
  return List{ended, number_of(status), outputs, value_at(failure)};
}

Value value_of(const EachState& state) {
  const auto& [items, limit, started, ended, failed, results, ticket] = state;
  List list;
  for (const auto& result : results) list.push_back(value_of(result));
  return List{items, limit, started, ended, failed, std::move(list)};
}

Value value_of(const TaskState& state) {
  const auto& [call, key, number, fence, gpus, first_scheduled, scheduled, due, lost, timed_out, retries,
               last] = state;
  List used;
  for (const auto retry : retries) used.emplace_back(retry);
  List devices;
  for (const auto gpu : gpus) devices.emplace_back(gpu);
  return List{call,
              key ? Value(key->hex()) : Value(),
              number,
              fence.text,
              std::move(devices),
              value_of(first_scheduled),
              value_of(scheduled),
              value_of(due),
              lost,
              timed_out,
              std::move(used),
              value_of(last)};
}

Value value_of(const RegionState& state);

template <typename Pointer>
Value value_at(const Pointer& pointer) {
  return pointer ? value_of(*pointer) : Value();
}

Value value_of(const OperationState& state) {
  // `operation` and `region` follow from the plan and the position in the tree.
  const auto& [operation, region, phase, status, stopping, held_back, waiting_for, outputs, failure, task,
               each, inner] = state;
  List regions;
  for (const auto& [index, inner_region] : inner) regions.emplace_back(List{index, value_of(*inner_region)});
  return List{number_of(phase),  number_of(status), stopping,       value_of(std::size_t{waiting_for}),
              outputs,           value_at(failure), value_at(task), value_at(each),
              std::move(regions)};
}

Value value_of(const RegionState& state) {
  // `shape` and `owner` follow from the plan and the position in the tree.
  const auto& [shape, owner, index, boundary, in_iteration, stopping, bindings, operations, open, running,
               held_back] = state;
  List bound;
  for (const auto& [name, value] : bindings) bound.emplace_back(List{name, value});
  List inside;
  for (const auto& operation : operations) inside.push_back(value_of(operation));
  return List{index,          boundary,         in_iteration, stopping, std::move(bound), std::move(inside),
              value_of(open), value_of(running)};
}

}  // namespace

Digest fingerprint_of(const RunState& state) {
  // The caller passes plan, services and limits; the shapes and the operation found last are caches.
  const auto& [plan, services, limits, created, shapes, root, result, epoch, stopping, stop_reason,
               stopped_by_limit, operations, operations_in_iterations, found, found_path] = state;
  return Digest::of(
      canonical_json(List{value_of(created), value_at(root), value_at(result), epoch, stopping, stop_reason,
                          stopped_by_limit, value_of(operations), value_of(operations_in_iterations)}));
}

}  // namespace sluice::engine
