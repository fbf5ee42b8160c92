#include "sluice/base/words.hpp"
#include "sluice/ir/names.hpp"
#include "sluice/ir/reader/plan_reader.hpp"

namespace sluice::ir {
namespace {

std::string title(std::string_view what, const std::string& name) {
  return std::string(what) + " `" + name + "`";
}

}  // namespace

Frontend::Lowered PlanReader::run(const Node& root) {
  if (!is_map(root, "a plan")) return std::move(lowered_);
  for (const auto& field : root.fields) {
    if (field.key == "sluice" || field.key == "pipelines" || field.key.starts_with("x-")) continue;
    auto hint = did_you_mean(field.key, {"sluice", "pipelines"});
    if (hint.empty()) hint = "; a key for shared pieces begins with `x-`";
    problem(field.at, "a plan has no `" + field.key + "`" + hint);
  }
  const auto* version = root.find("sluice");
  if (!version || version->kind != Node::Kind::scalar || version->spelling != "1")
    problem(version ? version->at : root.at, "a plan should have `sluice: 1`, the supported version");
  // A plan without pipelines is reported by the verifier.
  if (const auto* pipelines = root.find("pipelines"); pipelines && is_map(*pipelines, "`pipelines`"))
    for (const auto& field : pipelines->fields) lowered_.plan.pipelines.push_back(pipeline(field));
  return std::move(lowered_);
}

Pipeline PlanReader::pipeline(const Node::Field& field) {
  Pipeline made;
  made.name = field.key;
  made.at = field.at;
  const auto& node = *field.value;
  const auto what = title("pipeline", field.key);
  name(field, "a pipeline");
  if (!is_map(node, what)) return made;
  if (const auto* steps = node.find("steps")) {
    problem(steps->at, "this version supports only graph regions; write " + what + " as a `graph`");
    return made;
  }
  map(node, what, {"title", "description", "inputs", "outputs", "graph", "limit", "on_failure"});
  if (const auto* given = node.find("title")) made.title = plain_text(*given, "`title`");
  if (const auto* given = node.find("description")) made.description = plain_text(*given, "`description`");
  if (const auto* inputs = node.find("inputs"); inputs && is_map(*inputs, "`inputs`"))
    for (const auto& one : inputs->fields) made.inputs.push_back(input(one));
  if (const auto* outputs = node.find("outputs"); outputs && is_map(*outputs, "`outputs`"))
    for (const auto& one : outputs->fields) made.outputs.push_back(output(one));
  concurrency(node, made.body);
  const auto* graph = node.find("graph");
  made.body.at = graph ? graph->at : field.at;
  if (graph)
    region(*graph, made.body);
  else
    problem(field.at, what + " needs a `graph`, a map of its operations");
  return made;
}

Input PlanReader::input(const Node::Field& field) {
  Input made;
  made.name = field.key;
  made.at = field.at;
  const auto& node = *field.value;
  const auto what = title("input", field.key);
  name(field, "an input");
  if (!map(node, what, {"type", "kind", "optional", "default", "description"})) return made;
  if (const auto* given = node.find("description")) made.description = plain_text(*given, "`description`");
  made.type = type(node, field.at, what);
  if (const auto* optional = node.find("optional")) made.optional = boolean(*optional, "`optional`");
  if (const auto* value = node.find("default")) {
    const auto read = expression(*value);
    if (read->kind == syntax::Expression::Kind::literal)
      made.value = read->literal;
    else
      problem(value->at, "`default` is a plain value and cannot be an expression");
  }
  return made;
}

Output PlanReader::output(const Node::Field& field) {
  Output made;
  made.name = field.key;
  made.at = field.at;
  const auto& node = *field.value;
  const auto what = title("output", field.key);
  name(field, "an output");
  if (node.kind != Node::Kind::map) {
    made.value = expression(node);
    return made;
  }
  map(node, what, {"type", "kind", "value"});
  if (node.find("type") || node.find("kind")) made.type = type(node, field.at, what);
  const auto* value = node.find("value");
  if (!value) problem(field.at, what + " needs a `value`, an expression over the pipeline's operations");
  made.value = value ? expression(*value) : syntax::Expression::of(Value(), field.at);
  return made;
}

void PlanReader::concurrency(const Node& holder, Region& region) {
  if (const auto* limit = holder.find("limit")) region.limit = expression(*limit);
  if (const auto* failure = holder.find("on_failure")) region.on_failure = on_failure(*failure);
}

Each::OnFailure PlanReader::on_failure(const Node& node) {
  return word(node, "`on_failure`", {"finish", "stop"}) == 0 ? Each::OnFailure::finish
                                                             : Each::OnFailure::stop;
}

std::unique_ptr<Region> PlanReader::inner_region(const Node* graph, Location at) {
  auto made = std::make_unique<Region>();
  made->at = graph ? graph->at : at;
  if (graph) region(*graph, *made);
  return made;
}

void PlanReader::region(const Node& graph, Region& region) {
  if (!is_map(graph, "`graph`")) return;
  if (depth_ >= region_depth_max) {
    problem(graph.at, "regions nest more than " + std::to_string(region_depth_max) +
                          " deep; split this into pipelines");
    return;
  }
  ++depth_;
  region.operations.reserve(graph.fields.size());
  for (const auto& field : graph.fields) region.operations.push_back(operation(field));
  --depth_;
}

}  // namespace sluice::ir
