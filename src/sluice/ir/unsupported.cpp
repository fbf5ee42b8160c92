#include "sluice/ir/unsupported.hpp"

namespace sluice::ir {
namespace {

bool is_task(const Operation& operation) {
  return std::holds_alternative<Process>(operation.what) ||
         std::holds_alternative<ServiceCall>(operation.what);
}

void check(const Operation& operation, Problems& problems) {
  const auto refuse = [&](bool present, std::string_view key, std::string_view why) {
    if (present)
      problems.add(operation.at, "`" + operation.name + "`: `" + std::string(key) + "` " + std::string(why));
  };
  constexpr std::string_view tasks_only =
      "is supported only on tasks in this version; put it on the tasks inside";
  refuse(!is_task(operation) && !operation.retry.empty(), "retry", tasks_only);
  refuse(!is_task(operation) && operation.timeout, "timeout", tasks_only);
  constexpr std::string_view not_yet = "is not supported by this version; remove it";
  const auto* process = std::get_if<Process>(&operation.what);
  refuse(process && process->hermetic, "hermetic", not_yet);
}

}  // namespace

void refuse_unsupported(const Plan& plan, Problems& problems) {
  for_each_operation(plan, [&](const Operation& operation) { check(operation, problems); });
}

}  // namespace sluice::ir
