#include "sluice/engine/state.hpp"

namespace sluice::engine {

using Phase = OperationState::Phase;

void commands_of(const RunState& run, const OperationState& operation, std::vector<Command>& out) {
  switch (operation.phase) {
    case Phase::lookup: {
      const auto& cache = operation.operation->cache;
      const auto* key = operation.task->call.find("cache_key");
      out.emplace_back(LookUp{.path = path_of(operation),
                              .work = work_of(run, operation),
                              .scope = cache.scope,
                              .user_key = key ? *key : Value{},
                              .max_age_ms = cache.max_age_ms});
      return;
    }
    case Phase::attempt:
      if (const auto due = timeout_due(operation); due && !operation.task->timed_out)
        out.emplace_back(SetTimer{.path = path_of(operation), .number = operation.task->number, .due = *due});
      out.emplace_back(StartAttempt{.path = path_of(operation),
                                    .number = operation.task->number,
                                    .fence = operation.task->fence,
                                    .work = work_of(run, operation)});
      if (operation.stopping || operation.task->timed_out)
        out.emplace_back(CancelAttempt{operation.task->fence});
      return;
    case Phase::ready:
    case Phase::backoff:
      out.emplace_back(Admit{.path = path_of(operation),
                             .number = operation.task->number + 1,
                             .resources = resources_of(operation),
                             .pool = operation.operation->pool,
                             .not_before = operation.task->due});
      return;
    case Phase::open:
      for (const auto& [index, region] : operation.inner)
        for (const auto& inner : region->operations) commands_of(run, inner, out);
      return;
    case Phase::waiting:
    case Phase::deciding:
    case Phase::ended: return;
  }
}

}  // namespace sluice::engine
