#include "sluice/ir/names.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_set>

#include "sluice/ir/order.hpp"
#include "sluice/ir/references.hpp"

namespace sluice::ir {
namespace {

constexpr std::array reserved{"error", "inputs", "out", "run", "self", "upstream"};
constexpr std::array run_fields{"created", "folder", "id", "name", "path", "scheduled"};

bool is_reserved(std::string_view name) { return std::ranges::find(reserved, name) != reserved.end(); }

/// Walks one pipeline once. A name resolves to the level of the region that declares it, and to the
/// operation's index in that region. The reader at that level is the operation that is being walked there, so
/// edges are hoisted without a second walk.
class Walker {
 public:
  Walker(const Pipeline& pipeline, Orders& orders, Problems& problems)
      : pipeline_(pipeline), orders_(orders), problems_(problems) {
    for (const auto& input : pipeline.inputs)
      if (!inputs_.insert(input.name).second)
        problems_.add(input.at, "input `" + input.name + "` is declared twice; choose another name");
  }

  void run() {
    std::unordered_set<std::string_view> outputs;
    for (const auto& output : pipeline_.outputs)
      if (!outputs.insert(output.name).second)
        problems_.add(output.at, "output `" + output.name + "` is declared twice; choose another name");
    if (pipeline_.body.limit) expression(*pipeline_.body.limit, nullptr, Place::limit);
    region(pipeline_.body, [this] {
      for (const auto& output : pipeline_.outputs)
        if (output.value) expression(*output.value, nullptr, Place::argument);
    });
  }

 private:
  struct Name {
    std::size_t level;
    std::size_t operation;  ///< its index, or `variable`
    bool is_variable;
  };
  struct Level {
    const Region* region;
    std::size_t here = 0;  ///< the operation that is being walked
    bool ended = false;    ///< its operations have been walked; the region's yield follows
    std::vector<std::vector<std::size_t>> upstream;
  };

  void declare(std::string_view name, Name what, Location at, std::vector<std::string_view>& declared) {
    if (is_reserved(name)) {
      problems_.add(at, "`" + std::string(name) + "` is a reserved name; choose another name");
      return;
    }
    const auto [found, is_new] = names_.emplace(name, what);
    if (is_new) {
      declared.push_back(name);
      return;
    }
    const bool twice = found->second.level == what.level;
    problems_.add(at,
                  twice ? "`" + std::string(name) + "` is declared twice; choose another name"
                        : "`" + std::string(name) + "` hides a name of an outer region; choose another name");
  }

  template <typename Yields>
  void region(const Region& region, const Yields& yields) {
    if (levels_.size() >= region_depth_max) {
      problems_.add(region.at, "regions nest more than " + std::to_string(region_depth_max) +
                                   " deep; split this into pipelines");
      return;
    }
    const auto level = levels_.size();
    levels_.push_back({.region = &region, .here = 0, .ended = false, .upstream = {}});
    levels_.back().upstream.resize(region.operations.size());
    std::vector<std::string_view> declared;
    for (std::size_t i = 0; i < region.operations.size(); ++i)
      declare(region.operations[i].name, {level, i, false}, region.operations[i].at, declared);
    for (std::size_t i = 0; i < region.operations.size(); ++i) {
      levels_[level].here = i;
      operation(region.operations[i], level);
    }
    levels_[level].ended = true;
    yields();
    for (const auto name : declared) names_.erase(name);
    finish(std::move(levels_.back()));
    levels_.pop_back();
  }

  void finish(Level level) {
    for (auto& edges : level.upstream) {
      std::ranges::sort(edges);
      edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    }
    auto order = order_of(level.upstream);
    for (const auto& cycle : order.cycles) {
      // Begin with the operation that comes first in the text.
      const auto first = static_cast<std::size_t>(std::ranges::min_element(cycle) - cycle.begin());
      std::vector<std::string> names;
      names.reserve(cycle.size());
      for (std::size_t i = 0; i < cycle.size(); ++i)
        names.push_back(level.region->operations[cycle[(first + i) % cycle.size()]].name);
      problems_.add(level.region->operations[cycle[first]].at, "cycle: " + print_cycle(names, "waits for"));
    }
    orders_.emplace(level.region, std::move(order.nodes));
  }

  void operation(const Operation& op, std::size_t level) {
    for (const auto& [name, at] : op.after) after(name, at, level);
    visit_expressions(op, [&](const syntax::Expression& e, Place place) { expression(e, &op, place); });
    for (const auto& inner : inner_scopes(op)) {
      std::vector<std::string_view> declared;
      for (const auto name : {inner.as, inner.index})
        if (!name.empty()) declare(name, {level + 1, 0, true}, op.at, declared);
      region(*inner.region, [&] {
        for (const auto& [name, value] : *inner.yield)
          if (value) expression(*value, nullptr, Place::argument);
      });
      for (const auto name : declared) names_.erase(name);
    }
  }

  void after(const std::string& name, Location at, std::size_t level) {
    const auto found = names_.find(name);
    if (found == names_.end() || found->second.is_variable) {
      problems_.add(at, "unknown task `" + name + "`" + suggest_operation(name));
      return;
    }
    if (found->second.level != level) {
      problems_.add(
          at,
          "`" + name + "` is outside this region; let the operation that contains the region wait for it");
      return;
    }
    levels_[level].upstream[levels_[level].here].push_back(found->second.operation);
  }

  std::string suggest_operation(std::string_view name) {
    std::vector<std::string_view> near;
    if (!problems_.suggests()) return "";
    // Inner regions first: the misspelled name is most likely there.
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
      for (const auto& op : level->region->operations) {
        if (near.size() >= Problems::considered_max) break;
        near.emplace_back(op.name);
      }
    return problems_.suggest(name, near);
  }

  void expression(const syntax::Expression& e, const Operation* op, Place place) {
    visit_reads(e, Use::strict, [&](const Read& read) {
      if (read.use == Use::state)
        state(read);
      else
        value(read, op, place);
    });
  }

  void state(const Read& read) {
    const auto& name = read.root.text;
    const auto found = names_.find(name);
    if (found == names_.end() || found->second.is_variable)
      problems_.add(read.root.at, "unknown task `" + name + "`" + suggest_operation(name));
    else
      edge(found->second);
  }

  void value(const Read& read, const Operation* op, Place place) {
    const auto& name = read.root.text;
    if (is_reserved(name)) return reserved_root(read, op, place);
    const auto found = names_.find(name);
    if (found != names_.end()) {
      edge(found->second);
      return;
    }
    if (!read.fields.empty() && inputs_.contains(name)) {
      problems_.add(read.root.at, "unknown task `" + name + "`; the input is `inputs." + name + "`");
      return;
    }
    if (inputs_.contains(name)) {
      problems_.add(read.root.at, "unknown name `" + name + "`; the input is `inputs." + name + "`");
      return;
    }
    auto hint = suggest_name(read);
    const bool in_command = op && std::holds_alternative<Process>(op->what) &&
                            (place == Place::argument || place == Place::environment);
    if (in_command && read.fields.empty())  // perhaps a variable of a shell
      hint += hint.empty() ? "; write `$${` for a literal `${`" : " (write `$${` for a literal `${`)";
    problems_.add(read.root.at,
                  (read.fields.empty() ? "unknown name `" : "unknown task `") + name + "`" + hint);
  }

  std::string suggest_name(const Read& read) {
    if (!problems_.suggests()) return "";
    std::vector<std::string_view> near;
    for (const auto& [known, what] : names_) {
      if (near.size() >= Problems::considered_max) break;
      near.push_back(known);
    }
    std::ranges::sort(near);
    if (read.fields.empty()) near.insert(near.end(), {"inputs", "run"});
    return problems_.suggest(read.root.text, near);
  }

  void edge(const Name& name) {
    if (name.is_variable || name.level >= levels_.size() || levels_[name.level].ended) return;
    auto& level = levels_[name.level];
    level.upstream[level.here].push_back(name.operation);
  }

  void reserved_root(const Read& read, const Operation* op, Place place) {
    const auto& root = read.root.text;
    const auto* field = read.fields.empty() ? nullptr : &read.fields.front()->text;
    const auto at = field ? read.fields.front()->at : read.root.at;
    const auto* process = op ? std::get_if<Process>(&op->what) : nullptr;
    const bool has_paths = process && (place == Place::argument || place == Place::environment);
    const bool is_call = op && std::holds_alternative<PipelineCall>(op->what) && place == Place::argument;
    if (root == "inputs") {
      if (field && !inputs_.contains(*field))
        problems_.add(at, "unknown input `" + *field + "`" + problems_.suggest(*field, inputs_));
    } else if (root == "run") {
      if (field && std::ranges::find(run_fields, *field) == run_fields.end())
        problems_.add(at, "unknown field `run." + *field +
                              "`; known: run.created, run.folder, run.id, run.name, run.path, run.scheduled");
      else if (field && *field == "folder" && !has_paths && !is_call)
        problems_.add(at,
                      "`run.folder` is a path that only programs know; it is available in the arguments and "
                      "`env` of a process or container, and in the `with` of a call");
    } else if (root == "out") {
      if (!has_paths)
        problems_.add(
            read.root.at,
            "`out` holds the paths of a task's outputs; it is available only in its arguments and `env`");
      else if (!field)
        problems_.add(read.root.at, "`out` alone is not a path; name an output, as in `out.NAME`");
      else if (const auto& declared = outputs_of(*process); !declared.contains(*field))
        problems_.add(at, "`" + op->name + "` declares no output `" + *field + "`" +
                              problems_.suggest(*field, declared));
    } else if (root == "self") {
      if (place != Place::task_yield)
        problems_.add(read.root.at, "`self` holds a task's own outputs; it is available only in its `yield`");
    } else if (root == "error") {
      if (place != Place::retry_when)
        problems_.add(read.root.at,
                      "`error` is available only in the `when` of a retry; elsewhere use error(OPERATION)");
    } else if (root == "upstream") {
      if (place != Place::condition)
        problems_.add(read.root.at, "`upstream` is available only in an `if`");
      else if (!field || *field != "failed")
        problems_.add(at, "`upstream` has only the field `upstream.failed`");
    }
  }

  const std::unordered_set<std::string_view>& outputs_of(const Process& process) {
    if (outputs_of_ != &process) {
      outputs_of_ = &process;
      outputs_.clear();
      for (const auto& output : process.outputs) outputs_.insert(output.name);
    }
    return outputs_;
  }

  const Pipeline& pipeline_;
  Orders& orders_;
  Problems& problems_;
  std::unordered_set<std::string_view> inputs_;
  std::unordered_map<std::string_view, Name> names_;
  std::vector<Level> levels_;
  const Process* outputs_of_ = nullptr;  ///< whose outputs are in `outputs_`
  std::unordered_set<std::string_view> outputs_;
};

void calls_of(const Region& region, std::size_t depth,
              const std::function<void(const std::string&, Location)>& visit) {
  if (depth > region_depth_max) return;
  for (const auto& op : region.operations) {
    if (const auto* call = std::get_if<PipelineCall>(&op.what)) visit(call->pipeline, op.at);
    for (const auto* inner : regions_of(op)) calls_of(*inner, depth + 1, visit);
  }
}

}  // namespace

Orders check_names(const Plan& plan, Problems& problems) {
  Orders orders;
  for (const auto& pipeline : plan.pipelines) Walker(pipeline, orders, problems).run();
  return orders;
}

PipelineIndex index_pipelines(const Plan& plan) {
  PipelineIndex index;
  for (std::size_t i = 0; i < plan.pipelines.size(); ++i) index.emplace(plan.pipelines[i].name, i);
  return index;
}

std::vector<std::size_t> order_pipelines(const Plan& plan, const PipelineIndex& pipelines,
                                         Problems& problems) {
  std::vector<std::vector<std::size_t>> callees(plan.pipelines.size());
  for (std::size_t i = 0; i < plan.pipelines.size(); ++i) {
    const auto& pipeline = plan.pipelines[i];
    if (pipelines.at(pipeline.name) != i)
      problems.add(pipeline.at, "pipeline `" + pipeline.name + "` is declared twice; choose another name");
    calls_of(pipeline.body, 0, [&](const std::string& name, Location) {
      if (const auto callee = pipelines.find(name); callee != pipelines.end())
        callees[i].push_back(callee->second);
    });
    std::ranges::sort(callees[i]);
    callees[i].erase(std::unique(callees[i].begin(), callees[i].end()), callees[i].end());
  }
  auto order = order_of(callees);
  for (const auto& cycle : order.cycles) {
    const auto first = static_cast<std::size_t>(std::ranges::min_element(cycle) - cycle.begin());
    std::vector<std::string> names;
    names.reserve(cycle.size());
    for (std::size_t i = 0; i < cycle.size(); ++i)
      names.push_back(plan.pipelines[cycle[(first + i) % cycle.size()]].name);
    problems.add(plan.pipelines[cycle[first]].at,
                 "recursive pipelines are not allowed: " + print_cycle(names, "calls"));
  }
  return std::move(order.nodes);
}

}  // namespace sluice::ir
