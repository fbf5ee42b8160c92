#include "sluice/engine/run.hpp"

#include "sluice/base/json.hpp"
#include "sluice/engine/decider.hpp"
#include "sluice/engine/state.hpp"

namespace sluice::engine {

using Phase = OperationState::Phase;

struct Run::Impl {
  RunState state;
};

namespace {

Value state_of(const RegionState& region);

Value state_of(const OperationState& operation) {
  Struct s;
  s.append("phase", static_cast<int>(operation.phase));
  s.append("status", static_cast<int>(operation.status));
  s.append("stopping", operation.stopping);
  s.append("waiting_for", static_cast<std::int64_t>(operation.waiting_for));
  s.append("outputs", operation.outputs);
  if (operation.failure) s.append("failure", failure_value(*operation.failure));
  if (operation.task) {
    s.append("call", operation.task->call);
    s.append("number", operation.task->number);
    s.append("fence", operation.task->fence.text);
    s.append("due", operation.task->due.time_since_epoch().count());
    s.append("timed_out", operation.task->timed_out);
  }
  if (operation.each) {
    List results;
    for (const auto& result : operation.each->results)
      results.push_back(result.ended ? Value(List{static_cast<int>(result.status), result.outputs})
                                     : Value());
    s.append("results", std::move(results));
    s.append("opened", operation.each->opened);
  }
  List inner;
  for (const auto& [index, region] : operation.inner) inner.emplace_back(List{index, state_of(*region)});
  s.append("inner", std::move(inner));
  return s;
}

Value state_of(const RegionState& region) {
  List out{static_cast<std::int64_t>(region.open), static_cast<std::int64_t>(region.running)};
  for (const auto& operation : region.operations) out.push_back(state_of(operation));
  return out;
}

}  // namespace

Run::Run(std::shared_ptr<const ir::Plan> plan, const RunCreated& created, const ir::Signatures& services)
    : impl_(std::make_unique<Impl>()) {
  impl_->state.plan = std::move(plan);
  impl_->state.services = &services;
  impl_->state.created = created;
  impl_->state.open_root();
}
Run::~Run() = default;
Run::Run(Run&&) noexcept = default;
Run& Run::operator=(Run&&) noexcept = default;

Decision Run::begin(Time now) {
  Decider decider(impl_->state, now);
  decider.begin();
  return decider.finish();
}

Decision Run::decide(const Input& input, Time now) {
  Decider decider(impl_->state, now);
  std::visit([&](const auto& specific) { decider.on(specific); }, input);
  return decider.finish();
}

Result<void> Run::apply(const Event& event) { return apply_event(impl_->state, event); }

std::vector<Command> Run::open_commands() const {
  std::vector<Command> out;
  if (impl_->state.root)
    for (const auto& operation : impl_->state.root->operations) commands_of(impl_->state, operation, out);
  return out;
}

bool Run::ended() const { return impl_->state.result.has_value(); }
const RunEnded* Run::result() const { return impl_->state.result ? &*impl_->state.result : nullptr; }

Digest Run::fingerprint() const {
  Struct s;
  s.append("stopping", impl_->state.stopping);
  if (impl_->state.root) s.append("root", state_of(*impl_->state.root));
  if (impl_->state.result) s.append("result", encode(*impl_->state.result));
  return Digest::of(canonical_json(s));
}

}  // namespace sluice::engine
