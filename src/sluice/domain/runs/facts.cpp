#include "sluice/domain/runs/facts.hpp"

#include "sluice/base/json.hpp"

namespace sluice::runs {
namespace {

Value task_facts(const OperationReport& row) {
  Struct task;
  task.set("path", row.path);
  task.set("kind", row.kind);
  if (!row.service.empty()) task.set("service", row.service);
  if (row.key) task.set("key", row.key->hex());
  if (row.code) task.set("code", row.code->hex());
  const auto* with = row.call.find("with");
  task.set("inputs", to_tagged(with ? *with : row.call));
  task.set("outputs", to_tagged(row.outputs));
  task.set("environment", to_tagged(row.environment));
  if (row.cached) {
    Struct from;
    from.set("run", row.made_in.text);
    from.set("path", row.made_by);
    task.set("cached_from", std::move(from));
  } else {
    task.set("started", to_iso8601(row.usage.started));
    task.set("ended", to_iso8601(row.usage.ended));
  }
  return task;
}

}  // namespace

Result<Value> JournalFacts::facts(const RunId& run) const {
  SLUICE_TRY(report, runs_.report(run));
  Struct facts;
  facts.set("plan_name", report.created.name);
  facts.set("plan_digest", report.created.plan_digest.hex());
  facts.set("inputs", to_tagged(report.created.inputs));
  facts.set("started", to_iso8601(report.created.at));
  List tasks;
  for (auto row : report.operations) {
    if ((row.kind != "process" && row.kind != "container" && row.kind != "service") ||
        row.state != "succeeded")
      continue;
    // The environment of a cached task is recorded in the run that executed it.
    if (row.cached && row.environment.is_null())
      if (const auto original = runs_.report(row.made_in); original)
        for (const auto& made : original->operations)
          if (made.path == row.made_by) row.environment = made.environment;
    tasks.push_back(task_facts(row));
  }
  facts.set("tasks", std::move(tasks));
  return Value(std::move(facts));
}

}  // namespace sluice::runs
