#include "sluice/domain/runs/report.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/path.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::runs {
namespace {

/// An operation of the plan, and the region that it is in; null: not found.
struct PlacedOperation {
  const ir::Region* region = nullptr;
  const ir::Operation* operation = nullptr;
};

const ir::Operation* find_in(const ir::Region& region, const std::string& name) {
  const auto found = std::ranges::find(region.operations, name, &ir::Operation::name);
  return found == region.operations.end() ? nullptr : &*found;
}

constexpr std::size_t operations_max = 10'000;
constexpr std::size_t failed_operations_max = 1'000;  ///< in addition
constexpr std::size_t bytes_max = std::size_t{64} << 20;

/// The path of the operation that an event reports about; null if it is about none, or about an iteration.
struct PathOf {
  const std::string* operator()(const engine::RegionStarted& e) const { return &e.path; }
  const std::string* operator()(const engine::TaskReady& e) const { return &e.path; }
  const std::string* operator()(const engine::CacheHit& e) const { return &e.path; }
  const std::string* operator()(const engine::Scheduled& e) const { return &e.path; }
  const std::string* operator()(const engine::AttemptEnded& e) const { return &e.path; }
  const std::string* operator()(const engine::RetryAt& e) const { return &e.path; }
  const std::string* operator()(const engine::Ended& e) const { return &e.path; }
  const std::string* operator()(const auto&) const { return nullptr; }
};

double seconds(Milliseconds duration) { return static_cast<double>(duration.count()) / 1000; }

PlacedOperation find_placed(const ir::Plan& plan, const std::string& pipeline, std::string_view path) {
  const auto* started = plan.find(pipeline);
  const ir::Region* region = started ? &started->body : nullptr;
  while (region) {
    const auto segment = ir::take_segment(path);
    const auto name = segment ? segment->decoded_name() : std::nullopt;
    const auto* operation = name ? find_in(*region, *name) : nullptr;
    if (!operation || path.empty()) return {.region = region, .operation = operation};
    if (const auto* call = std::get_if<ir::PipelineCall>(&operation->what)) {
      const auto* callee = plan.find(call->pipeline);
      region = callee ? &callee->body : nullptr;
    } else {
      const auto inner = ir::regions_of(*operation);
      const auto arm =
          segment->inner == ir::PathSegment::Inner::arm ? static_cast<std::size_t>(segment->index) : 0;
      region = arm < inner.size() ? inner[arm] : nullptr;
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> remarks_of(const OperationReport& operation) {
  std::vector<std::string> remarks;
  const auto add = [&](const Value* texts, std::string_view prefix) {
    if (!texts || !texts->is_list()) return;
    for (const auto& text : *texts->if_list())
      if (const auto* line = text.if_string()) remarks.push_back(std::string(prefix) + *line);
  };
  add(operation.failure.payload.find("notes"), "");
  add(operation.outputs.find("warnings"), "warning: ");
  if (operation.usage.interpreter == "threads")
    remarks.emplace_back("not forked from a warm interpreter: its imports start a thread (docs/python.md)");
  return remarks;
}

bool failed_itself(const OperationReport& operation) {
  return ir::parent_path(operation.failure.source + "/") == operation.path;  // the source may be a region
}

std::string kind_of(const ir::Operation& operation) {
  struct Kind {
    std::string operator()(const ir::Process& process) const {
      return process.image ? "container" : "process";
    }
    std::string operator()(const ir::ServiceCall&) const { return "service"; }
    std::string operator()(const ir::PipelineCall&) const { return "call"; }
    std::string operator()(const ir::Branch&) const { return "branch"; }
    std::string operator()(const ir::Each&) const { return "each"; }
    std::string operator()(const ir::Raise&) const { return "raise"; }
    std::string operator()(const ir::Block&) const { return "block"; }
  };
  return std::visit(Kind{}, operation.what);
}

const ir::Operation* operation_at(const ir::Plan& plan, const std::string& pipeline, std::string_view path) {
  return find_placed(plan, pipeline, path).operation;
}

OperationReport& Reporter::at(const std::string& path) {
  const auto [entry, added] = index_.try_emplace(path, report_.operations.size());
  if (added) {
    auto& row = report_.operations.emplace_back();
    row.path = path;
    if (plan_)
      if (const auto* operation = operation_at(*plan_, report_.created.pipeline, path)) {
        row.kind = kind_of(*operation);
        row.title = operation->title;
        if (const auto* call = std::get_if<ir::ServiceCall>(&operation->what)) row.service = call->service;
        if (const auto* process = std::get_if<ir::Process>(&operation->what); process && process->code)
          if (const auto* code = report_.created.code.find(*process->code); code && code->is_artifact())
            row.code = code->if_artifact()->digest;
      }
  }
  return report_.operations[entry->second];
}

const OperationReport* Reporter::apply(const engine::Event& event) {
  ++report_.length;
  if (const auto* e = std::get_if<engine::RunCreated>(&event)) {
    report_.created = *e;
    return nullptr;
  }
  if (const auto* e = std::get_if<engine::RunEnded>(&event)) {
    report_.result = *e;
    return nullptr;
  }
  const auto* path = std::visit(PathOf(), event);
  if (!path) return nullptr;
  const bool begins = std::holds_alternative<engine::RegionStarted>(event) ||
                      std::holds_alternative<engine::TaskReady>(event);
  if (!keeps(event, *path)) {
    if (begins) ++report_.omitted;
    return nullptr;
  }
  auto& row = apply_to_operation(event);
  const auto size = engine::approximate_size(event);
  if (bytes_ + size <= bytes_max) {
    bytes_ += size;
  } else {  // only what is small is kept
    row.call = {};
    row.outputs = {};
    row.environment = {};
    row.failure.payload = {};
    row.shortened = true;
  }
  return &row;
}

bool Reporter::keeps(const engine::Event& event, const std::string& path) const {
  if (index_.contains(path)) return true;
  if (index_.size() < operations_max && bytes_ < bytes_max) return true;
  const auto* ended = std::get_if<engine::Ended>(&event);
  return ended && ended->status == engine::Status::failed &&
         index_.size() < operations_max + failed_operations_max;
}

OperationReport& Reporter::apply_to_operation(const engine::Event& event) {
  if (const auto* e = std::get_if<engine::RegionStarted>(&event)) {
    auto& row = at(e->path);
    row.state = "open";
    return row;
  }
  if (const auto* e = std::get_if<engine::TaskReady>(&event)) {
    auto& row = at(e->path);
    row.call = e->call;
    row.state = e->cacheable ? "looking up" : "ready";
    if (!e->cacheable) row.why = "it is not cached: it has an effect, or its cache is off";
    return row;
  }
  if (const auto* e = std::get_if<engine::CacheHit>(&event)) {
    auto& row = at(e->path);
    row.cached = true;
    row.key = e->key;
    row.made_in = e->run;
    row.made_by = e->made_by;
    row.why = "its key equals that of " + ir::readable_path(e->made_by) + " in run " + e->run.text;
    return row;
  }
  if (const auto* e = std::get_if<engine::Scheduled>(&event)) {
    auto& row = at(e->path);
    row.state = "running";
    row.attempts = e->number;
    row.scheduled = e->at;
    if (e->key) {
      row.key = e->key;
      row.why = "no finished task has its key";
    }
    return row;
  }
  if (const auto* e = std::get_if<engine::AttemptEnded>(&event)) {
    auto& row = at(e->path);
    row.environment = e->outcome.environment;
    row.usage = e->outcome.usage;
    row.failure = e->outcome.failure;
    return row;
  }
  if (const auto* e = std::get_if<engine::RetryAt>(&event)) {
    auto& row = at(e->path);
    row.state = "waiting to retry";
    return row;
  }
  const auto& ended = std::get<engine::Ended>(event);
  auto& row = at(ended.path);
  row.state = engine::name(ended.status);
  row.outputs = ended.outputs;
  row.failure = ended.failure;
  row.ended = ended.at;
  if (ended.status == engine::Status::skipped || ended.status == engine::Status::blocked)
    row.why = reason(ended);
  return row;
}

std::string Reporter::reason(const engine::Ended& ended) {
  if (!plan_) return {};
  const auto [region, operation] = find_placed(*plan_, report_.created.pipeline, ended.path);
  if (!operation) return {};
  const auto before = ended.path.rfind('/') + 1;  // 0 for an operation of the pipeline itself
  const auto state_of =
      [&, prefix = ended.path.substr(0, before)](const ir::Operation& other) -> std::string_view {
    const auto found = index_.find(prefix + percent_encode(other.name));
    return found == index_.end() ? std::string_view() : report_.operations[found->second].state;
  };
  return ended.status == engine::Status::skipped ? reasons_.skipped(*region, *operation, state_of)
                                                 : reasons_.blocked(*region, *operation, state_of);
}

namespace {

Value to_json(const ports::Progress& progress) {
  Struct s;
  s.set("done", progress.done);
  if (progress.total > 0) s.set("total", progress.total);
  if (!progress.unit.empty()) s.set("unit", progress.unit);
  if (const auto share = progress.share()) s.set("share", *share);
  if (progress.rate > 0) s.set("rate", progress.rate);
  if (const auto left = progress.seconds_left()) s.set("seconds_left", *left);
  return s;
}

}  // namespace

const ports::TaskUnderWay* find_under_way(const OperationReport& operation, const TasksUnderWay& under_way) {
  const auto found = under_way.find(operation.path);
  if (found == under_way.end() || operation.ended) return nullptr;
  const bool is_running = operation.state == "running";
  return is_running == found->second.progress.has_value() ? &found->second : nullptr;
}

Value to_json(const std::vector<ports::TaskUnderWay>& tasks) {
  List list;
  for (const auto& task : tasks) {
    Struct s;
    s.set("path", task.path);
    if (!task.waits_for.empty()) s.set("waits_for", task.waits_for);
    if (task.progress) s.set("progress", to_json(*task.progress));
    list.emplace_back(std::move(s));
  }
  Struct s;
  s.set("tasks", std::move(list));
  return s;
}

ports::Progress progress_from(const Value& json) {
  return {.done = json.integer_at("done"),
          .total = json.integer_at("total"),
          .unit = json.text_at("unit"),
          .rate = json.number_at("rate")};
}

TasksUnderWay under_way_from(const Value& json) {
  TasksUnderWay out;
  const auto* tasks = json.find("tasks");
  if (!tasks || !tasks->is_list()) return out;
  for (const auto& entry : *tasks->if_list()) {
    ports::TaskUnderWay task{.path = entry.text_at("path"), .waits_for = entry.text_at("waits_for")};
    if (const auto* progress = entry.find("progress")) task.progress = progress_from(*progress);
    out.insert_or_assign(task.path, std::move(task));
  }
  return out;
}

Value to_json(const OperationReport& row) {
  Struct s;
  s.set("path", row.path);
  if (!row.title.empty()) s.set("title", row.title);
  s.set("kind", row.kind);
  if (!row.service.empty()) s.set("service", row.service);
  s.set("status", row.waits_for.empty() ? row.state : "waiting for a slot: " + row.waits_for);
  if (row.progress) s.set("progress", to_json(*row.progress));
  s.set("cached", row.cached);
  if (row.shortened) s.set("shortened", true);
  if (!row.why.empty()) s.set("why", row.why);
  if (row.cached) {
    s.set("made_in", row.made_in.text);
    s.set("made_by", row.made_by);
  }
  if (row.key) s.set("key", row.key->hex());
  if (row.code) s.set("code", row.code->hex());
  s.set("attempts", row.attempts);
  if (!row.call.is_null()) s.set("call", to_tagged(row.call));
  s.set("outputs", to_tagged(row.outputs));
  if (!row.failure.kind.empty()) {
    Struct failure;
    failure.set("kind", row.failure.kind);
    failure.set("message", row.failure.message);
    failure.set("source", row.failure.source);
    if (row.failure.exit_code) failure.set("exit_code", *row.failure.exit_code);
    if (row.failure.signal) failure.set("signal", *row.failure.signal);
    if (!row.failure.payload.is_null()) failure.set("payload", to_tagged(row.failure.payload));
    s.set("failure", std::move(failure));
  }
  if (auto remarks = remarks_of(row); !remarks.empty())
    s.set("remarks", List(remarks.begin(), remarks.end()));
  if (!row.environment.is_null()) s.set("environment", to_tagged(row.environment));
  if (row.scheduled && row.usage.ended.time_since_epoch().count() > 0) {
    s.set("started", to_iso8601(row.usage.started));
    s.set("ended", to_iso8601(row.usage.ended));
    s.set("seconds", seconds(row.usage.ended - row.usage.started));
    s.set("cpu_seconds", static_cast<double>(row.usage.cpu_ms) / 1000);
    s.set("memory_peak", row.usage.memory_peak);
    s.set("memory_of", row.usage.memory_of_tree ? "all processes" : "the largest process");
    if (!row.usage.interpreter.empty()) s.set("interpreter", row.usage.interpreter);
  }
  return s;
}

Value to_json(const RunReport& report) {
  Struct s;
  s.set("run", report.created.run.text);
  s.set("name", report.created.name);
  s.set("pipeline", report.created.pipeline);
  s.set("workspace", report.created.principal.workspace);
  s.set("plan_digest", report.created.plan_digest.hex());
  s.set("status", report.result      ? engine::name(report.result->status)
                  : report.set_aside ? ports::set_aside
                                     : std::string_view("running"));
  if (report.set_aside) s.set("message", *report.set_aside);
  s.set("created", to_iso8601(report.created.at));
  if (const auto& trigger = report.created.trigger) {
    Struct schedule;
    schedule.set("id", trigger->schedule.text);
    schedule.set("name", trigger->name);
    schedule.set("instant", to_iso8601(trigger->instant));
    s.set("schedule", std::move(schedule));
  }
  if (report.result) {
    s.set("ended", to_iso8601(report.result->at));
    s.set("seconds", seconds(report.result->at - report.created.at));
    if (!report.result->failure.kind.empty()) {
      s.set("message", report.result->failure.message);
      s.set("failed_at", report.result->failure.source);
    }
    s.set("outputs", to_tagged(report.result->outputs));
  }
  s.set("inputs", to_tagged(report.created.inputs));
  s.set("code", to_tagged(report.created.code));
  List tasks;
  for (const auto& row : report.operations) tasks.push_back(to_json(row));
  s.set("tasks", std::move(tasks));
  if (report.omitted > 0) s.set("tasks_omitted", report.omitted);
  s.set("events", report.length);
  return s;
}

}  // namespace sluice::runs
