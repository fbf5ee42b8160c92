#include <fmt/format.h>

#include "sluice/ir/dependencies.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/references.hpp"

namespace sluice::ir {
namespace {

std::string dot_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string label_of(const Operation& op) {
  const auto what = [&]() -> std::string {
    if (const auto* process = std::get_if<Process>(&op.what)) {
      if (process->image) return "container " + process->image->reference;
      if (process->function) return process->function->module + "." + process->function->function;
      if (process->script) return "python";
      return process->argv.empty() ? "process" : syntax::print_scalar(*process->argv.front());
    }
    if (const auto* service = std::get_if<ServiceCall>(&op.what)) return service->service;
    if (const auto* call = std::get_if<PipelineCall>(&op.what)) return "call " + call->pipeline;
    if (const auto* each = std::get_if<Each>(&op.what)) return "each " + syntax::print_scalar(*each->items);
    if (std::holds_alternative<Branch>(op.what)) return "branch";
    if (std::holds_alternative<Raise>(op.what)) return "raise";
    return "graph";
  }();
  constexpr std::size_t longest = 60;
  return op.name + "\n" + (what.size() > longest ? what.substr(0, longest) + "..." : what);
}

class Drawing {
 public:
  std::string out =
      "digraph plan {\n  compound=true; rankdir=LR; node [shape=box, style=rounded, fontname=sans]; "
      "fontname=sans;\n";

  void pipeline(const Pipeline& pipeline) { cluster(pipeline.name, pipeline.body, 1); }

 private:
  /// The node to which edges of an operation attach: its own, or an invisible one in the box of its regions.
  struct Anchor {
    std::string node;
    std::string box;  ///< "": none
  };

  void line(std::size_t depth, std::string_view text) {
    fmt::format_to(std::back_inserter(out), "{:{}}{}\n", "", depth * 2, text);
  }

  std::string cluster(std::string_view label, const Region& region, std::size_t depth) {
    const auto box = fmt::format("cluster_{}", ++count_);
    line(depth, fmt::format("subgraph {} {{ label={};", box, dot_string(label)));
    graph(region, depth + 1);
    line(depth, "}");
    return box;
  }

  void graph(const Region& region, std::size_t depth) {
    std::vector<Anchor> anchors;
    anchors.reserve(region.operations.size());
    for (const auto& op : region.operations) anchors.push_back(operation(op, depth));
    const auto dependencies = dependencies_of(region);
    for (std::size_t i = 0; i < anchors.size(); ++i)
      for (const auto& up : dependencies.upstream[i]) {
        const auto& from = anchors[up.operation];
        std::string options = from.box.empty() ? "" : " ltail=" + from.box;
        if (!anchors[i].box.empty()) options += " lhead=" + anchors[i].box;
        if (up.after) options += " style=dashed";
        line(depth, fmt::format("{} -> {}{};", from.node, anchors[i].node,
                                options.empty() ? "" : " [" + options.substr(1) + "]"));
      }
  }

  Anchor operation(const Operation& op, std::size_t depth) {
    const auto inner = inner_scopes(op);
    const auto node = fmt::format("n{}", ++count_);
    if (inner.empty()) {
      line(depth, fmt::format("{} [label={}];", node, dot_string(label_of(op))));
      return {node, ""};
    }
    const auto box = fmt::format("cluster_{}", ++count_);
    line(depth, fmt::format("subgraph {} {{ label={};", box, dot_string(label_of(op))));
    line(depth + 1, fmt::format("{} [shape=point, style=invis];", node));
    const auto* branch = std::get_if<Branch>(&op.what);
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (branch)
        cluster(branch->arms[i].when ? "when " + syntax::print_scalar(*branch->arms[i].when) : "else",
                *inner[i].region, depth + 1);
      else
        graph(*inner[i].region, depth + 1);
    }
    line(depth, "}");
    return {node, box};
  }

  int count_ = 0;
};

}  // namespace

std::string print_dot(const Plan& plan) {
  Drawing drawing;
  for (const auto& pipeline : plan.pipelines) drawing.pipeline(pipeline);
  return drawing.out + "}\n";
}

}  // namespace sluice::ir
