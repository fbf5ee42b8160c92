#include "scripted_run.hpp"

#include <algorithm>

namespace sluice::test {

using engine::Outcome;

namespace {

Value value_for(const ir::TaskOutput& output, const std::string& path) {
  switch (output.type.kind) {
    case ir::Type::Kind::integer: return 1;
    case ir::Type::Kind::number: return 0.5;
    case ir::Type::Kind::boolean: return true;
    case ir::Type::Kind::list: return List{1, 2, 3};
    case ir::Type::Kind::structure: return Struct{};
    case ir::Type::Kind::artifact:
      return Artifact{.kind = output.type.artifact_kind,
                      .form = output.form,
                      .digest = Digest::of(path + output.name),
                      .size = 1};
    default: return path + "." + output.name;
  }
}

}  // namespace

ScriptedRun::ScriptedRun(std::shared_ptr<const ir::Plan> plan, Struct inputs, Script script)
    : plan_(std::move(plan)), script_(std::move(script)) {
  services_ = {
      {.name = "test.pure", .version = "1.0.0", .effect = ir::Effect::none, .inputs = {}, .outputs = {}},
      {.name = "test.effect",
       .version = "1.0.0",
       .effect = ir::Effect::idempotent,
       .inputs = {},
       .outputs = {}}};
  created_ = {.run = {"run-1"},
              .principal = {},
              .name = "case",
              .pipeline = "main",
              .plan = ir::print_plan(*plan_),
              .plan_digest = {},
              .inputs = std::move(inputs),
              .code = {},
              .cache = true,
              .at = {}};
  run_.emplace(plan_, created_, services_);
  take(run_->proceed(now_));
}

void ScriptedRun::take(engine::Decision decision) {
  auto& batch = batches_.emplace_back();
  for (const auto& event : decision.events) {
    batch.push_back(engine::encode(event));
    ++events_;
  }
  more_ = decision.more;
  for (const auto& command : decision.commands) carry_out(command);
  ask_to_cancel();
}

void ScriptedRun::ask_to_cancel() {
  const auto limit = script_.integer_at("$cancel_after", 0);
  if (limit > 0 && !cancelled_ && events_ >= static_cast<std::size_t>(limit)) {
    cancelled_ = true;
    inputs_.emplace_front(engine::CancelRun{.reason = "asked to"});
  }
}

std::optional<Outcome> ScriptedRun::outcome_of(const engine::StartAttempt& attempt) const {
  Outcome outcome;
  const auto* list = script_.find(attempt.path);
  const auto* outcomes = list ? list->if_list() : nullptr;
  const auto index = static_cast<std::size_t>(attempt.number - 1);
  const Value scripted = outcomes && index < outcomes->size() ? (*outcomes)[index] : Value("ok");
  if (scripted == Value("never")) return std::nullopt;
  if (scripted == Value("lost")) {
    outcome.status = Outcome::Status::lost;
    outcome.failure = {.kind = "lost", .message = "its supervisor died"};
  } else if (scripted == Value("fail") || scripted.find("fail")) {
    outcome.status = Outcome::Status::failed;
    outcome.failure = {.kind = "exit", .message = scripted.text_at("fail", "exit status 1")};
  } else if (const auto* status = scripted.find("exit")) {
    outcome.status = Outcome::Status::failed;
    outcome.failure = {.kind = "exit", .message = "it exited", .exit_code = *status->if_integer()};
  } else if (const auto* signal = scripted.find("signal")) {
    outcome.status = Outcome::Status::failed;
    outcome.failure = {.kind = "signal", .message = "it was killed", .signal = *signal->if_integer()};
  } else if (const auto* outputs = scripted.find("outputs")) {
    outcome.outputs = *outputs->if_struct();
  } else {
    for (const auto& output : attempt.work.outputs)
      outcome.outputs.set(output.name, value_for(output, attempt.path));
  }
  return outcome;
}

void ScriptedRun::carry_out(const engine::Command& command) {
  if (const auto* look = std::get_if<engine::LookUp>(&command)) {
    const auto key = engine::cache_key(look->work, {}, look->user_key, look->scope);
    if (const auto hit = cache_.find(key); hit != cache_.end())
      inputs_.emplace_back(engine::LookedUp{.path = look->path, .key = key, .hit = hit->second});
    else
      inputs_.emplace_back(engine::Admitted{.path = look->path, .key = key});
  } else if (const auto* admit = std::get_if<engine::Admit>(&command)) {
    engine::Admitted admitted{.path = admit->path, .number = admit->number};
    if (admit->not_before <= now_)
      inputs_.emplace_back(std::move(admitted));
    else
      timers_.emplace(admit->not_before, std::move(admitted));
  } else if (const auto* start = std::get_if<engine::StartAttempt>(&command)) {
    if (const auto known = ended_.find(start->fence.text); known != ended_.end()) {
      inputs_.emplace_back(
          engine::AttemptFinished{.path = start->path, .number = start->number, .outcome = known->second});
      return;
    }
    started_.emplace(start->fence.text, start->path);
    auto outcome = outcome_of(*start);
    if (!outcome) {
      hanging_.emplace(start->fence.text, *start);
      return;
    }
    ended_.emplace(start->fence.text, *outcome);
    inputs_.emplace_back(engine::AttemptFinished{
        .path = start->path, .number = start->number, .outcome = std::move(*outcome)});
  } else if (const auto* timer = std::get_if<engine::SetTimer>(&command)) {
    timers_.emplace(timer->due, engine::TimerFired{.path = timer->path, .number = timer->number});
  } else if (const auto* cancel = std::get_if<engine::CancelAttempt>(&command)) {
    const auto found = hanging_.find(cancel->fence.text);
    if (found == hanging_.end()) return;
    Outcome outcome{.status = Outcome::Status::cancelled};
    outcome.failure = {.kind = "cancelled", .message = "cancelled"};
    ended_.emplace(found->first, outcome);
    inputs_.emplace_back(engine::AttemptFinished{
        .path = found->second.path, .number = found->second.number, .outcome = outcome});
    hanging_.erase(found);
  }
}

void ScriptedRun::go(std::size_t batches_max) {
  while (batches_.size() < batches_max && !run_->ended()) {
    engine::Input input;
    if (more_) {
      take(run_->proceed(now_));
      continue;
    }
    if (!inputs_.empty()) {
      input = std::move(inputs_.front());
      inputs_.pop_front();
    } else if (!timers_.empty()) {
      now_ = std::max(now_, timers_.begin()->first);
      input = timers_.begin()->second;
      timers_.erase(timers_.begin());
    } else {
      return;
    }
    auto decision = run_->decide(input, now_);
    if (!decision.events.empty() || !decision.commands.empty()) take(std::move(decision));
  }
}

void ScriptedRun::crash_and_replay(std::size_t batches) {
  batches_.resize(batches);
  inputs_.clear();
  timers_.clear();
  cancelled_ = false;
  run_.emplace(plan_, created_, services_);
  events_ = 0;
  for (const auto& batch : batches_)
    for (const auto& text : batch) {
      const auto event = engine::decode(text);
      SLUICE_CHECK(event.has_value());
      const auto applied = run_->apply(*event);
      if (!applied) check_failed(applied.error().message.c_str());
      ++events_;
      cancelled_ = cancelled_ || std::holds_alternative<engine::Stopping>(*event);
    }
  ask_to_cancel();  // the client that requested it before the crash got no response, and requests it again
  for (const auto& command : run_->open_commands()) carry_out(command);
  more_ = true;
}

}  // namespace sluice::test
