#include "sluice/driver/live_run.hpp"

#include "sluice/base/json.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::driver {

ports::RunRow row_of(const engine::RunCreated& created) {
  return {.id = created.run,
          .principal = created.principal,
          .name = created.name,
          .plan = created.plan_digest,
          .status = "running",
          .created = created.at,
          .ended = std::nullopt,
          .message = {},
          .schedule = created.trigger ? created.trigger->schedule : ScheduleId{}};
}

void LiveRun::follow(const engine::Event& event, bool fresh) {
  if (const auto* scheduled = std::get_if<engine::Scheduled>(&event)) {
    if (scheduled->key) keys[scheduled->path] = *scheduled->key;
  } else if (const auto* ended = std::get_if<engine::AttemptEnded>(&event)) {
    const auto key = keys.find(ended->path);
    if (key == keys.end() || ended->outcome.status != engine::Outcome::Status::succeeded) return;
    if (fresh)
      cache.push_back({.key = key->second,
                       .workspace = created.principal.workspace,
                       .outputs = to_tagged(ended->outcome.outputs),
                       .run = created.run,
                       .path = ended->path,
                       .at = ended->outcome.usage.ended});
    keys.erase(key);
  } else if (const auto* hit = std::get_if<engine::CacheHit>(&event)) {
    if (fresh) used.push_back({.key = hit->key, .at = hit->at});
  } else if (const auto* over = std::get_if<engine::RunEnded>(&event)) {
    row.status = engine::name(over->status);
    row.ended = over->at;
    row.message = over->failure.message;
    row_changed = must_sync = true;
  }
}

void LiveRun::take(const engine::Decision& decision) {
  for (const auto& event : decision.events) {
    follow(event, true);
    events.push_back(engine::encode(event));
    bytes += events.back().size();
  }
  more = decision.more;
}

Result<std::unique_ptr<LiveRun>> replay(const RunId& run, const ports::Journal& journal,
                                        const ir::Signatures& services, const engine::Limits& limits) {
  constexpr std::size_t events_at_once = 512;
  const auto damaged = [&](std::string_view why) {
    return internal_error(Code::data_loss, "run " + run.text + ": " + std::string(why));
  };
  SLUICE_TRY(page, journal.read(run, 0, events_at_once));
  if (page.empty()) return Fail(user_error(Code::not_found, "there is no run " + run.text));
  SLUICE_TRY(first, engine::decode(page.front()));
  auto* created = std::get_if<engine::RunCreated>(&first);
  if (!created) return Fail(damaged("its journal does not begin with its creation"));
  SLUICE_TRY(plan, ir::read_plan(created->plan));
  auto live = std::make_unique<LiveRun>(*created, engine::Run(plan, *created, services, limits));
  live->row = row_of(*created);
  while (!page.empty()) {
    for (const auto& text : page) {
      live->bytes += text.size();
      if (live->next++ == 0) continue;
      SLUICE_TRY(event, engine::decode(text));
      if (auto applied = live->run.apply(event); !applied)
        return Fail(damaged("event " + std::to_string(live->next - 1) + ": " + applied.error().message));
      live->follow(event, false);
    }
    if (page.size() < events_at_once) break;
    SLUICE_TRY(following, journal.read(run, live->next, events_at_once));
    page = std::move(following);
  }
  return live;
}

Result<ports::RunRow> project(const std::vector<std::string>& journal) {
  if (journal.empty()) return Fail(user_error(Code::not_found, "the journal is empty"));
  SLUICE_TRY(first, engine::decode(journal.front()));
  const auto* created = std::get_if<engine::RunCreated>(&first);
  if (!created)
    return Fail(internal_error(Code::data_loss, "the journal does not begin with its run's creation"));
  auto row = row_of(*created);
  SLUICE_TRY(last, engine::decode(journal.back()));
  if (const auto* over = std::get_if<engine::RunEnded>(&last)) {
    row.status = engine::name(over->status);
    row.ended = over->at;
    row.message = over->failure.message;
  }
  return row;
}

}  // namespace sluice::driver
