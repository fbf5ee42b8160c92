#include "sluice/domain/runs/reasons.hpp"

#include <algorithm>
#include <vector>

namespace sluice::runs {
namespace {

constexpr std::size_t named_max = 3;
constexpr std::size_t condition_bytes_max = 80;

/// "`a` failed, `b` was blocked and 2 more".
class Causes {
 public:
  void add(const ir::Operation& operation, std::string_view state) {
    if (++count_ > named_max) return;
    text_ += (text_.empty() ? "`" : ", `") + operation.name + "` " + (state == "failed" ? "" : "was ") +
             std::string(state);
  }
  [[nodiscard]] std::string text() const {
    return count_ > named_max ? text_ + " and " + std::to_string(count_ - named_max) + " more" : text_;
  }

 private:
  std::size_t count_ = 0;
  std::string text_;
};

bool is_bad(std::string_view state) {
  return state == "failed" || state == "blocked" || state == "cancelled";
}

std::string condition_of(const ir::Operation& operation) {
  auto text = syntax::print_scalar(*operation.condition);
  if (operation.condition->kind == syntax::Expression::Kind::literal) return {};
  return text.size() <= condition_bytes_max ? ": " + text : std::string();
}

}  // namespace

const std::vector<ir::Dependencies::Upstream>& Reasons::upstream_of(const ir::Region& region,
                                                                    const ir::Operation& operation) {
  auto found = dependencies_.find(&region);
  if (found == dependencies_.end()) found = dependencies_.emplace(&region, ir::dependencies_of(region)).first;
  return found->second.upstream[static_cast<std::size_t>(&operation - region.operations.data())];
}

std::string Reasons::skipped(const ir::Region& region, const ir::Operation& operation,
                             const StateOf& state_of) {
  // docs/plans.md, Triggers: which skipped upstream keeps the operation from starting.
  using ir::Trigger;
  Causes causes;
  bool has_succeeded = false;
  bool has_failed = false;
  const auto& upstream = upstream_of(region, operation);
  for (const auto& need : upstream) {
    const auto& other = region.operations[need.operation];
    const auto state = state_of(other);
    has_succeeded = has_succeeded || state == "succeeded";
    has_failed = has_failed || is_bad(state);
    const bool counts = need.operand || operation.trigger == Trigger::any_succeeded ||
                        (need.after && operation.trigger == Trigger::succeeded);
    if (state == "skipped" && counts) causes.add(other, state);
  }
  if (operation.trigger == Trigger::any_failed && !has_failed) return "nothing that it waits for failed";
  const bool has_fired = operation.trigger == Trigger::any_failed ||
                         (operation.trigger == Trigger::any_succeeded && has_succeeded);
  if (auto text = causes.text(); !text.empty() && !has_fired) return text;
  if (operation.condition) return "its `if` does not hold" + condition_of(operation);
  return "a value that it reads is absent";
}

std::string Reasons::blocked(const ir::Region& region, const ir::Operation& operation,
                             const StateOf& state_of) {
  Causes causes;
  for (const auto& need : upstream_of(region, operation)) {
    const auto& other = region.operations[need.operation];
    if (const auto state = state_of(other); is_bad(state)) causes.add(other, state);
  }
  const auto text = causes.text();
  return text.empty() ? "something that it reads failed" : text;
}

}  // namespace sluice::runs
