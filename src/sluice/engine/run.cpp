#include "sluice/engine/run.hpp"

#include "sluice/engine/decider.hpp"
#include "sluice/engine/state.hpp"

namespace sluice::engine {

struct Run::Impl {
  RunState state;
  Agenda agenda;
};

Run::Run(std::shared_ptr<const ir::Plan> plan, const RunCreated& created, const ir::Signatures& services,
         const Limits& limits)
    : impl_(std::make_unique<Impl>()) {
  impl_->state.plan = std::move(plan);
  impl_->state.services = &services;
  impl_->state.limits = limits;
  impl_->state.created = created;
  impl_->state.start_root();
}
Run::~Run() = default;
Run::Run(Run&&) noexcept = default;
Run& Run::operator=(Run&&) noexcept = default;

Decision Run::claim(Time now) {
  Decision decision;
  decision.events.emplace_back(Claimed{.epoch = impl_->state.epoch + 1, .at = now});
  const auto applied = apply_event(impl_->state, decision.events.front());
  if (!applied) check_failed(applied.error().message.c_str());
  return decision;
}

Decision Run::proceed(Time now) { return Decider(impl_->state, impl_->agenda, now).finish(); }

Decision Run::decide(Input input, Time now) {
  Decider decider(impl_->state, impl_->agenda, now);
  std::visit([&](auto& specific) { decider.on(std::move(specific)); }, input);
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

Digest Run::fingerprint() const { return fingerprint_of(impl_->state); }

}  // namespace sluice::engine
