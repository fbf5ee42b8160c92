// How the dispatcher carries commands out.
#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/driver/dispatcher.hpp"

namespace sluice::driver {
namespace {

/// The key numbers the outputs of a process by their order in the plan (docs/cache.md), so the plan that made
/// an entry may have named them differently.
Struct under_declared_names(const Struct& cached, const std::vector<ir::TaskOutput>& declared) {
  // A service names its outputs itself; and if an optional output is absent, the key has their names.
  if (cached.size() != declared.size()) return cached;
  Struct named;
  auto output = declared.begin();
  for (const auto& [name, value] : cached) named.append((output++)->name, value);
  return named;
}

bool has_all(const ports::ObjectStore& objects, const Value& value) {
  if (const auto* artifact = value.if_artifact()) return !artifact->digest || objects.has(*artifact->digest);
  if (const auto* list = value.if_list())
    return std::ranges::all_of(*list, [&](const Value& v) { return has_all(objects, v); });
  if (const auto* fields = value.if_struct())
    return std::ranges::all_of(*fields, [&](const auto& field) { return has_all(objects, field.second); });
  return true;
}

}  // namespace

ports::Executor& Dispatcher::executor_of(const engine::TaskSpec& work) const {
  const auto found = std::ranges::find(executors_, work.kind, &Executors::value_type::first);
  SLUICE_CHECK(found != executors_.end());
  return *found->second;
}

void Dispatcher::carry_out(LiveRun& run, engine::LookUp& command) {
  // What the job captures outlives it, or is its own; `this` is used on the dispatcher's thread again.
  auto* executor = &executor_of(command.work);
  auto job = [this, executor, id = run.created.run, workspace = run.created.principal.workspace,
              command = std::move(command)]() mutable -> Workers::Then {
    std::optional<Digest> key;
    std::optional<engine::LookedUp::Hit> hit;
    if (const auto environment = executor->environment(command.work)) {
      const auto scope = command.scope == "run" ? "run " + id.text : command.scope;
      key = engine::cache_key(command.work, *environment, command.user_key, scope);
      hit = cached(workspace, command.work, *key, command.max_age_ms);
    }
    return [this, id = std::move(id), command = std::move(command), key, hit = std::move(hit)]() mutable {
      const auto found = live_.find(id);
      if (found == live_.end()) return;
      auto& run = *found->second;
      if (hit)
        return decide(run, engine::LookedUp{.path = command.path, .key = *key, .hit = std::move(*hit)},
                      ports_.clock.now());
      admit(run, {.run = id,
                  .path = command.path,
                  .number = 1,
                  .resources = command.work.resources,
                  .pool = command.work.pool,
                  .key = key});
    };
  };
  ports_.workers->run(run.created.run, std::move(job));
}

void Dispatcher::carry_out(LiveRun& run, engine::Admit& command) {
  SlotRequest request{.run = run.created.run,
                      .path = command.path,
                      .number = command.number,
                      .resources = command.resources,
                      .pool = command.pool,
                      .key = std::nullopt};
  if (command.not_before <= ports_.clock.now()) return admit(run, std::move(request));
  timers_.push({.due = command.not_before,
                .run = run.created.run,
                .path = command.path,
                .number = command.number,
                .retry = std::move(request)});
}

std::optional<engine::LookedUp::Hit> Dispatcher::cached(const std::string& workspace,
                                                        const engine::TaskSpec& work, const Digest& key,
                                                        std::optional<std::int64_t> max_age_ms) const {
  const auto entry = ports_.index.cached(workspace, key);
  if (!entry || !*entry) return std::nullopt;
  if (max_age_ms && ports_.clock.now() - (*entry)->at > Milliseconds(*max_age_ms)) return std::nullopt;
  auto outputs = from_tagged((*entry)->outputs);
  if (!outputs || !outputs->is_struct() || !has_all(ports_.objects, *outputs)) return std::nullopt;
  return engine::LookedUp::Hit{.outputs = under_declared_names(*outputs->if_struct(), work.outputs),
                               .run = (*entry)->run,
                               .path = (*entry)->path};
}

void Dispatcher::carry_out(LiveRun& run, engine::StartAttempt& command) {
  auto& executor = executor_of(command.work);
  attempts_.emplace(
      command.fence,
      Place{.run = &run, .path = command.path, .number = command.number, .executor = &executor});
  ++run.attempts;
  auto effect_key = run.created.run.text + "/" + command.path;
  executor.start({.run = run.created.run,
                  .path = std::move(command.path),
                  .number = static_cast<int>(command.number),
                  .fence = std::move(command.fence),
                  .principal = run.created.principal,
                  .work = std::move(command.work),
                  .effect_key = std::move(effect_key)});
}

void Dispatcher::carry_out(LiveRun&, engine::CancelAttempt& command) {
  if (const auto found = attempts_.find(command.fence); found != attempts_.end())
    found->second.executor->cancel(command.fence);
}

void Dispatcher::carry_out(LiveRun& run, engine::SetTimer& command) {
  timers_.push({.due = command.due,
                .run = run.created.run,
                .path = command.path,
                .number = command.number,
                .retry = std::nullopt});
}

}  // namespace sluice::driver
