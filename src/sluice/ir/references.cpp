#include "sluice/ir/references.hpp"

#include <algorithm>

namespace sluice::ir {
namespace {

using syntax::Expression;
using Kind = Expression::Kind;

bool accepts_absence(const Expression& call) {
  return call.text == "artifact" || call.text == "default" || call.text == "first" ||
         call.text == "present" || call.text == "required";
}

void named(const std::vector<Named>& all, Place place,
           const std::function<void(const Expression&, Place)>& visit) {
  for (const auto& [name, value] : all)
    if (value) visit(*value, place);
}

}  // namespace

void visit_reads(const Expression& e, Use use, const std::function<void(const Read&)>& visit) {
  std::vector<const Expression*> fields;
  const auto* base = &e;
  for (; base->kind == Kind::field; base = base->args.front().get()) fields.push_back(base);
  if (base->kind == Kind::name) {
    std::ranges::reverse(fields);
    visit({*base, fields, use});
    return;
  }
  if (const auto* variable = syntax::variable_of_map(*base)) {
    visit_reads(*base->args[0], use, visit);
    visit_reads(*base->args[2], Use::lenient, [&](const Read& read) {
      if (read.root.text != *variable) visit(read);
    });
    return;
  }
  if (base->kind == Kind::call) {
    const bool state = base->text == "status" || base->text == "error";
    for (std::size_t i = 0; i < base->args.size(); ++i) {
      const bool lazy = base->text == "if" && i > 0;
      visit_reads(*base->args[i],
                  state                            ? Use::state
                  : lazy || accepts_absence(*base) ? Use::lenient
                                                   : use,
                  visit);
    }
    return;
  }
  const bool drops = base->kind == Kind::list || base->kind == Kind::structure;
  const bool lazy_right = base->kind == Kind::operation && (base->op == syntax::Operator::logical_and ||
                                                            base->op == syntax::Operator::logical_or);
  for (std::size_t i = 0; i < base->args.size(); ++i)
    visit_reads(*base->args[i], drops || (lazy_right && i > 0) ? Use::lenient : use, visit);
}

void visit_expressions(const Operation& operation,
                       const std::function<void(const Expression&, Place)>& visit) {
  const auto one = [&](const ExpressionPtr& e, Place place) {
    if (e) visit(*e, place);
  };
  if (const auto* process = std::get_if<Process>(&operation.what)) {
    for (const auto* list : {&process->argv, &process->args})
      for (const auto& arg : *list) one(arg, Place::argument);
    if (process->function) named(process->function->with, Place::argument, visit);
    named(process->env, Place::environment, visit);
  } else if (const auto* service = std::get_if<ServiceCall>(&operation.what)) {
    named(service->with, Place::argument, visit);
  } else if (const auto* call = std::get_if<PipelineCall>(&operation.what)) {
    named(call->with, Place::argument, visit);
  } else if (const auto* branch = std::get_if<Branch>(&operation.what)) {
    for (const auto& arm : branch->arms) one(arm.when, Place::when);
  } else if (const auto* each = std::get_if<Each>(&operation.what)) {
    one(each->items, Place::items);
    one(each->limit, Place::limit);
  } else if (const auto* raise = std::get_if<Raise>(&operation.what)) {
    one(raise->value, Place::raised);
  }
  const auto scopes = inner_scopes(operation);
  for (const auto& scope : scopes) one(scope.region->limit, Place::limit);
  one(operation.condition, Place::condition);
  for (const auto& retry : operation.retry) {
    one(retry.limit, Place::retry_limit);
    one(retry.when, Place::retry_when);
  }
  one(operation.timeout, Place::timeout);
  one(operation.cache.key, Place::cache_key);
  named(operation.resources, Place::resources, visit);
  if (scopes.empty()) named(operation.yield, Place::task_yield, visit);
}

std::vector<InnerScope> inner_scopes(const Operation& operation) {
  std::vector<InnerScope> scopes;
  if (const auto* branch = std::get_if<Branch>(&operation.what)) {
    for (const auto& arm : branch->arms)
      if (arm.region) scopes.push_back({arm.region.get(), &arm.region->yield, {}, {}});
  } else if (const auto* each = std::get_if<Each>(&operation.what)) {
    if (each->region) scopes.push_back({each->region.get(), &operation.yield, each->as, each->index});
  } else if (const auto* block = std::get_if<Block>(&operation.what)) {
    if (block->region) scopes.push_back({block->region.get(), &operation.yield, {}, {}});
  }
  return scopes;
}

}  // namespace sluice::ir
