#include <cmath>

#include "sluice/ir/duration.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/syntax/yaml_writer.hpp"

namespace sluice::ir {
namespace {

using syntax::Expression;
using syntax::Yaml;

Yaml yaml_of(const Value& value) {
  if (const auto* list = value.if_list()) {
    auto out = Yaml::list();
    for (const auto& v : *list) out.add(yaml_of(v));
    return out;
  }
  if (const auto* fields = value.if_struct()) {
    auto out = Yaml::map();
    for (const auto& [k, v] : *fields) out.add(k, yaml_of(v));
    return out;
  }
  if (value.is_string()) return Yaml::string(syntax::print_scalar(*Expression::of(value)));
  return Yaml::plain(value);
}

/// Lists and structs of expressions are written as YAML lists and maps; everything else is a scalar with
/// `${}`.
Yaml yaml_of(const Expression& e) {
  if (e.kind == Expression::Kind::literal) return yaml_of(e.literal);
  if (e.kind == Expression::Kind::list) {
    auto out = Yaml::list();
    for (const auto& arg : e.args) out.add(yaml_of(*arg));
    return out;
  }
  if (e.kind == Expression::Kind::structure) {
    auto out = Yaml::map();
    for (std::size_t i = 0; i < e.args.size(); ++i) out.add(e.keys[i], yaml_of(*e.args[i]));
    return out;
  }
  return Yaml::string(syntax::print_scalar(e));
}

Yaml yaml_of(const std::vector<syntax::ExpressionPtr>& arguments) {
  auto out = Yaml::list();
  for (const auto& argument : arguments) out.add(yaml_of(*argument));
  return out;
}

Yaml yaml_of(const std::vector<Named>& all) {
  auto out = Yaml::map();
  for (const auto& [name, value] : all) out.add(name, yaml_of(*value));
  return out;
}

Yaml duration(std::int64_t milliseconds) { return Yaml::word(print_duration(Milliseconds(milliseconds))); }
Yaml flag(bool value) { return Yaml::word(value ? "true" : "false"); }
Yaml integer(std::int64_t value) { return Yaml::plain(Value(value)); }

/// A text for people, if there is one.
void add_text(std::string_view key, const std::string& text, Yaml& out) {
  if (!text.empty()) out.add(std::string(key), yaml_of(Value(text)));
}

void add_type(const Type& type, Yaml& out) {
  out.add("type", Yaml::word(print(type)));
  if (const auto* kind = artifact_kind_of(type); kind && *kind != "any") out.add("kind", Yaml::string(*kind));
}

void add_named(std::string_view key, const std::vector<Named>& all, Yaml& out) {
  if (!all.empty()) out.add(std::string(key), yaml_of(all));
}

void add_concurrency(const Region& region, Yaml& out) {
  if (region.limit) out.add("limit", yaml_of(*region.limit));
  if (region.on_failure == Each::OnFailure::stop) out.add("on_failure", Yaml::word("stop"));
}

std::string_view name(Trigger trigger) {
  switch (trigger) {
    case Trigger::succeeded: return "succeeded";
    case Trigger::completed: return "completed";
    case Trigger::none_failed: return "none_failed";
    case Trigger::any_succeeded: return "any_succeeded";
    case Trigger::any_failed: return "any_failed";
  }
  return {};
}

Yaml yaml_of(const Retry& retry) {
  auto out = Yaml::map();
  if (retry.limit) out.add("limit", yaml_of(*retry.limit));
  if (retry.backoff_ms != 0) out.add("backoff", duration(retry.backoff_ms));
  if (retry.factor != 1) {
    const bool whole = std::abs(retry.factor) < 1e15 && retry.factor == std::floor(retry.factor);
    out.add("factor",
            whole ? integer(static_cast<std::int64_t>(retry.factor)) : Yaml::plain(Value(retry.factor)));
  }
  if (retry.backoff_max_ms) out.add("max", duration(*retry.backoff_max_ms));
  if (retry.within_ms) out.add("within", duration(*retry.within_ms));
  if (retry.when) out.add("when", yaml_of(*retry.when));
  return out;
}

void add_cache(const Cache& cache, Yaml& out) {
  if (!cache.enabled) {
    out.add("cache", Yaml::word("off"));
    return;
  }
  auto fields = Yaml::map();
  if (cache.key) fields.add("key", yaml_of(*cache.key));
  if (cache.max_age_ms) fields.add("max_age", duration(*cache.max_age_ms));
  if (!cache.scope.empty()) fields.add("scope", Yaml::string(cache.scope));
  if (!fields.empty()) out.add("cache", std::move(fields));
}

Yaml yaml_of(const TaskOutput& output) {
  auto out = Yaml::map();
  add_type(output.type, out);
  if (output.type.kind == Type::Kind::artifact) {
    const bool implied = output.type.artifact_kind == "directory";
    if (output.any_form)
      out.add("form", Yaml::word("any"));
    else if (output.form == Form::directory && !implied)
      out.add("form", Yaml::word("directory"));
    else if (output.form == Form::file && implied)
      out.add("form", Yaml::word("file"));
  } else if (output.encoding == TaskOutput::Encoding::text) {
    out.add("form", Yaml::word("text"));
  }
  if (!output.from.empty()) out.add("from", Yaml::string(output.from));
  if (output.optional) out.add("optional", flag(true));
  return out;
}

Yaml graph_of(const Region* region);

/// A region that does nothing but raise is written without its graph.
const Raise* only_raise(const Region& region) {
  if (region.operations.size() != 1 || region.limit || region.on_failure != Each::OnFailure::finish ||
      !region.yield.empty())
    return nullptr;
  const auto& op = region.operations.front();
  const bool bare = op.name == "raise" && op.title.empty() && op.after.empty() && !op.condition &&
                    op.trigger == Trigger::succeeded && op.retry.empty() && !op.timeout && op.fails;
  return bare ? std::get_if<Raise>(&op.what) : nullptr;
}

void add_region(const Region& region, Yaml& out) {
  add_concurrency(region, out);
  if (const auto* raise = only_raise(region)) {
    out.add("raise", yaml_of(*raise->value));
    return;
  }
  out.add("graph", graph_of(&region));
  add_named("yield", region.yield, out);
}

Yaml yaml_of(const Branch& branch) {
  auto arms = Yaml::list();
  for (const auto& arm : branch.arms) {
    auto out = Yaml::map();
    if (arm.when) {
      out.add("when", yaml_of(*arm.when));
      add_region(*arm.region, out);
    } else {
      auto rest = Yaml::map();
      add_region(*arm.region, rest);
      if (!only_raise(*arm.region)) rest.in_block();
      out.add("else", std::move(rest));
    }
    arms.add(std::move(out.in_block()));
  }
  return std::move(arms.in_block());
}

Yaml yaml_of(const PythonFunction& called) {
  auto out = Yaml::map();
  out.add("module", Yaml::string(called.module));
  out.add("function", Yaml::string(called.function));
  add_named("with", called.with, out);
  return out;
}

Yaml script_of(const Process& process) {
  auto out = Yaml::map();
  out.add("script", Yaml::string(process.script->text));
  if (!process.args.empty()) out.add("args", yaml_of(process.args));
  return out;
}

Yaml container_of(const Process& process) {
  auto out = Yaml::map();
  out.add("image", Yaml::string(process.image->reference));
  if (!process.argv.empty()) out.add("command", yaml_of(process.argv));
  if (!process.args.empty()) out.add("args", yaml_of(process.args));
  add_named("env", process.env, out);
  return out;
}

/// What the operation does, without the regions that it contains.
void add_head(const Operation& op, Yaml& out) {
  if (const auto* process = std::get_if<Process>(&op.what)) {
    if (process->image)
      out.add("container", container_of(*process));
    else if (process->function)
      out.add("python", yaml_of(*process->function));
    else if (process->script)
      out.add("python", script_of(*process));
    else
      out.add("process", yaml_of(process->argv));
  } else if (const auto* service = std::get_if<ServiceCall>(&op.what)) {
    out.add("service", Yaml::string(service->service));
  } else if (const auto* call = std::get_if<PipelineCall>(&op.what)) {
    out.add("call", Yaml::string(call->pipeline));
  } else if (const auto* each = std::get_if<Each>(&op.what)) {
    out.add("each", yaml_of(*each->items));
    if (!each->as.empty()) out.add("as", Yaml::string(each->as));
    if (!each->index.empty()) out.add("index", Yaml::string(each->index));
    if (each->limit) out.add("limit", yaml_of(*each->limit));
    if (each->on_failure == Each::OnFailure::stop) out.add("on_failure", Yaml::word("stop"));
    if (each->tolerate) out.add("tolerate", integer(*each->tolerate));
    if (each->tolerate_percent)
      out.add("tolerate", Yaml::string(std::to_string(*each->tolerate_percent) + "%"));
  } else if (const auto* raise = std::get_if<Raise>(&op.what)) {
    out.add("raise", yaml_of(*raise->value));
  } else if (const auto* block = std::get_if<Block>(&op.what)) {
    if (block->region) add_concurrency(*block->region, out);
  }
}

void add_waiting(const Operation& op, Yaml& out) {
  if (!op.after.empty()) {
    auto after = Yaml::list();
    for (const auto& [name, at] : op.after) after.add(Yaml::string(name));
    out.add("after", std::move(after));
  }
  if (op.condition) out.add("if", yaml_of(*op.condition));
  if (op.trigger != Trigger::succeeded) out.add("trigger", Yaml::word(std::string(name(op.trigger))));
}

Yaml texts_of(const std::vector<std::string>& texts) {
  auto out = Yaml::list();
  for (const auto& text : texts) out.add(Yaml::string(text));
  return out;
}

Yaml yaml_of(const Environment& environment) {
  auto out = Yaml::map();
  if (!environment.python.empty()) out.add("python", Yaml::string(environment.python));
  if (!environment.file.empty()) {
    out.add("requirements", Yaml::string(environment.file));
  } else if (!environment.requirements.empty() ||
             (environment.python.empty() && environment.without_dependencies.empty())) {
    out.add("requirements", texts_of(environment.requirements));
  }
  if (!environment.without_dependencies.empty())
    out.add("without_dependencies", texts_of(environment.without_dependencies));
  if (!environment.indexes.empty()) out.add("indexes", texts_of(environment.indexes));
  return out;
}

void add_details(const Operation& op, Yaml& out) {
  const auto* process = std::get_if<Process>(&op.what);
  if (const auto* service = std::get_if<ServiceCall>(&op.what)) add_named("with", service->with, out);
  if (const auto* call = std::get_if<PipelineCall>(&op.what)) add_named("with", call->with, out);
  if (process) {
    if (process->code) out.add("code", Yaml::string(*process->code));
    if (process->environment) out.add("environment", yaml_of(*process->environment));
    if (!process->image) add_named("env", process->env, out);
    if (!process->outputs.empty()) {
      auto outputs = Yaml::map();
      for (const auto& output : process->outputs) outputs.add(output.name, yaml_of(output));
      out.add("outputs", std::move(outputs));
    }
    if (process->hermetic) out.add("hermetic", flag(true));
  }
  if (op.retry.size() == 1) out.add("retry", yaml_of(op.retry.front()));
  if (op.retry.size() > 1) {
    auto retries = Yaml::list();
    for (const auto& retry : op.retry) retries.add(yaml_of(retry));
    out.add("retry", std::move(retries.in_block()));
  }
  if (op.timeout) out.add("timeout", yaml_of(*op.timeout));
  if (!op.fails) out.add("fails", flag(false));
  add_cache(op.cache, out);
  add_named("resources", op.resources, out);
  if (!op.pool.empty()) out.add("pool", Yaml::string(op.pool));
  if (!op.hints.empty()) out.add("hints", yaml_of(Value(op.hints)));
}

Yaml yaml_of(const Operation& op) {
  auto out = Yaml::map();
  add_head(op, out);
  add_waiting(op, out);
  add_details(op, out);
  if (const auto* branch = std::get_if<Branch>(&op.what)) out.add("branch", yaml_of(*branch)).in_block();
  if (const auto* each = std::get_if<Each>(&op.what))
    out.add("graph", graph_of(each->region.get())).in_block();
  if (const auto* block = std::get_if<Block>(&op.what))
    out.add("graph", graph_of(block->region.get())).in_block();
  add_named("yield", op.yield, out);
  add_text("title", op.title, out);
  return out;
}

Yaml graph_of(const Region* region) {
  auto out = Yaml::map();
  if (!region) return out;  // the operation could not be read
  for (const auto& op : region->operations) out.add(op.name, yaml_of(op));
  if (out.size() > 1) out.in_block();
  return out;
}

Yaml yaml_of(const Input& input) {
  auto out = Yaml::map();
  add_type(input.type, out);
  if (input.optional) out.add("optional", flag(true));
  if (input.value) out.add("default", yaml_of(*input.value));
  add_text("description", input.description, out);
  return out;
}

Yaml yaml_of(const Output& output) {
  auto value = yaml_of(*output.value);
  const bool is_map = output.value->kind == Expression::Kind::structure || output.value->literal.is_struct();
  if (!output.type && !is_map) return value;
  auto out = Yaml::map();
  if (output.type) add_type(*output.type, out);
  out.add("value", std::move(value));
  return out;
}

void write(const Pipeline& pipeline, std::string& out) {
  auto head = Yaml::map();
  add_text("title", pipeline.title, head);
  add_text("description", pipeline.description, head);
  auto inputs = Yaml::map();
  for (const auto& input : pipeline.inputs) inputs.add(input.name, yaml_of(input));
  auto outputs = Yaml::map();
  for (const auto& output : pipeline.outputs) outputs.add(output.name, yaml_of(output));
  if (!inputs.empty()) head.add("inputs", std::move(inputs));
  if (!outputs.empty()) head.add("outputs", std::move(outputs));
  add_concurrency(pipeline.body, head);
  head.write(out, 4);
  // Operation by operation, so that the YAML tree of a large plan is never in memory as a whole.
  if (pipeline.body.operations.empty()) {
    out += "    graph: {}\n";
    return;
  }
  out += "    graph:\n";
  for (const auto& op : pipeline.body.operations) {
    auto one = Yaml::map();
    one.add(op.name, yaml_of(op));
    one.write(out, 6);
  }
}

}  // namespace

std::string print_plan(const Plan& plan) {
  std::string out = "sluice: 1\n";
  if (plan.pipelines.empty()) return out + "pipelines: {}\n";
  out += "pipelines:\n";
  for (const auto& pipeline : plan.pipelines) {
    // The key alone, written as any other key would be.
    auto name = Yaml::map();
    name.add(pipeline.name, Yaml::word(""));
    std::string key;
    name.write(key, 2);
    while (key.ends_with('\n') || key.ends_with(' ')) key.pop_back();
    out += key + '\n';
    write(pipeline, out);
  }
  return out;
}

}  // namespace sluice::ir
