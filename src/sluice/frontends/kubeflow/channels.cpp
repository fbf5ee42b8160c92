#include "sluice/frontends/kubeflow/channels.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace sluice::frontends::kubeflow {
namespace {

/// How the compiler names a value that a group gets: `pipelinechannel--INPUT`,
/// `pipelinechannel--TASK-OUTPUT`; an item of a loop has `loop-item` in its name, and a field of one is
/// called ITEM-subvar-FIELD.
constexpr std::string_view channel = "pipelinechannel--";
constexpr std::string_view of_item = "loop-item";
constexpr std::string_view of_field = "-subvar-";

constexpr int nested_max = 20;
constexpr std::size_t passed_max = 2'000;  // values that are passed to groups in addition

constexpr std::string_view selector_start = "parseJson(string_value)[\"";
constexpr std::string_view selector_end = "\"]";

std::string selector_of(std::string_view field) {
  return std::string(selector_start) + std::string(field) + std::string(selector_end);
}

/// The field of such a selector; "": it is another one.
std::string_view field_of(std::string_view selector) {
  if (!selector.starts_with(selector_start) || !selector.ends_with(selector_end)) return {};
  selector.remove_prefix(selector_start.size());
  selector.remove_suffix(std::min(selector_end.size(), selector.size()));
  return selector;
}

class Mender {
 public:
  explicit Mender(Spec& spec) : spec_(spec) {
    inputs_.resize(spec_.components.size());
    for (std::size_t i = 0; i < spec_.components.size(); ++i) {
      auto& component = spec_.components[i];
      for (const auto& input : component.inputs.parameters) inputs_[i].insert(input.name);
      if (!component.dag) continue;
      for (std::size_t j = 0; j < component.dag->tasks.size(); ++j) {
        const auto& task = component.dag->tasks[j];
        const auto called = spec_.component_index.find(task.component);
        if (called == spec_.component_index.end() || !spec_.components[called->second].dag) continue;
        callers_[called->second].push_back({.component = i, .task = j});
        if (task.iterator) items_[called->second].insert(task.iterator->item);
      }
    }
  }

  void run() {
    for (std::size_t i = 0; i < spec_.components.size(); ++i)
      if (spec_.components[i].dag) read_fields(i);
    for (std::size_t i = 0; i < spec_.components.size(); ++i)
      if (spec_.components[i].dag) pass_what_is_read(i);
    for (std::size_t i = 0; i < spec_.components.size(); ++i)
      if (spec_.components[i].dag) drop_items(i);
    // Each round reaches the groups inside of those of the last one.
    for (int round = 0; round < nested_max && let_be_absent(); ++round) continue;
  }

 private:
  struct Caller {
    std::size_t component = 0;
    std::size_t task = 0;
  };

  Task& task_of(const Caller& caller) { return spec_.components[caller.component].dag->tasks[caller.task]; }

  bool is_group(const Task& task) const {
    const auto* called = spec_.component(task.component);
    return called != nullptr && called->dag.has_value();
  }

  /// Of an item, in the form of which it is there: as a whole, or as this field alone.
  void read_fields(std::size_t index) {
    auto& component = spec_.components[index];
    const auto items = items_.find(index);
    for (auto& task : component.dag->tasks)
      for (auto& argument : task.parameters) {
        if (argument.source != Argument::Source::component_input) continue;
        const auto at = argument.key.rfind(of_field);
        if (at != std::string::npos && items != items_.end() && argument.selector.empty() &&
            items->second.contains(argument.key.substr(0, at))) {
          argument.selector = selector_of(std::string_view(argument.key).substr(at + of_field.size()));
          argument.selector_at = argument.at;
          argument.key.resize(at);
        } else if (const auto field = field_of(argument.selector);
                   !field.empty() && !inputs_[index].contains(argument.key)) {
          auto alone = argument.key + std::string(of_field) + std::string(field);
          if (!inputs_[index].contains(alone)) continue;
          argument.key = std::move(alone);
          argument.selector.clear();
        }
      }
  }

  void pass_what_is_read(std::size_t index) {
    std::set<std::string> wanted;
    const auto& component = spec_.components[index];
    for (const auto& task : component.dag->tasks)
      for (const auto& argument : task.parameters)
        if (argument.source == Argument::Source::component_input && argument.key.starts_with(channel) &&
            !inputs_[index].contains(argument.key))
          wanted.insert(argument.key);
    for (const auto& name : wanted) declare(index, name, 0);
  }

  /// Has all callers of a group pass this value to it; returns its type, or nullopt if one of them has none.
  std::optional<ParameterType> declare(std::size_t index, const std::string& name, int depth) {
    if (const auto* input = spec_.components[index].inputs.parameter(name)) return input->type;
    const auto callers = callers_.find(index);
    if (callers == callers_.end() || depth > nested_max) return std::nullopt;
    const auto [known, is_new] = declared_.emplace(std::pair(index, name), std::nullopt);
    if (!is_new) return known->second;
    std::optional<ParameterType> type;
    std::vector<Argument> found;
    for (const auto& caller : callers->second) {
      if (++passed_ > passed_max) return std::nullopt;
      auto [argument, of] = found_by(caller, name, depth);
      if (!of) return std::nullopt;
      type = of;
      found.push_back(std::move(argument));
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      auto& parameters = task_of(callers->second[i]).parameters;
      std::erase_if(parameters, [&](const Argument& one) { return one.name == name; });
      parameters.push_back(std::move(found[i]));
    }
    auto& component = spec_.components[index];
    component.inputs.parameters.push_back({.name = name, .at = component.at, .type = *type});
    inputs_[index].insert(name);
    known->second = type;
    return type;
  }

  std::pair<Argument, std::optional<ParameterType>> found_by(const Caller& caller, const std::string& name,
                                                             int depth) {
    const auto& component = spec_.components[caller.component];
    Argument made{
        .source = Argument::Source::component_input, .name = name, .at = task_of(caller).at, .key = name};
    const auto plain = name.substr(channel.size());
    if (const auto* input = component.inputs.parameter(plain)) {
      made.key = plain;
      return {made, input->type};
    }
    for (auto at = plain.find('-'); at != std::string::npos; at = plain.find('-', at + 1)) {
      const auto* producer = component.dag->find(std::string_view(plain).substr(0, at));
      const auto* from = producer == nullptr ? nullptr : spec_.component(producer->component);
      const auto* output =
          from == nullptr ? nullptr : from->outputs.parameter(std::string_view(plain).substr(at + 1));
      if (output == nullptr) continue;
      made.source = Argument::Source::task_output;
      made.producer = producer->name;
      made.key = output->name;
      return {made, producer->iterator ? ParameterType::list : output->type};
    }
    return {made, declare(caller.component, name, depth + 1)};
  }

  /// Arguments of groups that are items of loops inside of them, which are not there yet.
  void drop_items(std::size_t index) {
    auto& component = spec_.components[index];
    for (auto& task : component.dag->tasks) {
      if (!is_group(task)) continue;
      std::erase_if(task.parameters, [&](const Argument& argument) {
        if (!argument.name.starts_with(channel) || !argument.name.contains(of_item)) return false;
        if (argument.source == Argument::Source::component_input)
          return !inputs_[index].contains(argument.key);
        if (argument.source != Argument::Source::task_output) return false;
        const auto* producer = component.dag->find(argument.producer);
        const auto* of = producer == nullptr ? nullptr : spec_.component(producer->component);
        return of != nullptr && of->outputs.parameter(argument.key) == nullptr;
      });
    }
  }

  /// Of inputs of groups that may be absent, those of groups inside of them; false: nothing has changed.
  bool let_be_absent() {
    bool changed = false;
    for (auto& component : spec_.components) {
      if (!component.dag) continue;
      std::unordered_set<std::string_view> absent;
      for (const auto& input : component.inputs.parameters)
        if (input.optional && (!input.fallback || input.fallback->is_null())) absent.insert(input.name);
      for (const auto& task : component.dag->tasks) {
        const auto called = spec_.component_index.find(task.component);
        if (called == spec_.component_index.end() || !spec_.components[called->second].dag) continue;
        std::unordered_map<std::string_view, const Argument*> arguments;
        for (const auto& argument : task.parameters) arguments.emplace(argument.name, &argument);
        for (auto& input : spec_.components[called->second].inputs.parameters) {
          if (input.optional || !input.name.starts_with(channel)) continue;
          const auto given = arguments.find(input.name);
          const bool is_item = task.iterator && task.iterator->item == input.name;
          if (given == arguments.end())
            input.optional = !is_item && input.name.contains(of_item);
          else
            input.optional = given->second->source == Argument::Source::component_input &&
                             absent.contains(given->second->key);
          changed = changed || input.optional;
        }
      }
    }
    return changed;
  }

  Spec& spec_;
  std::vector<std::unordered_set<std::string>> inputs_;  // of each component
  std::map<std::size_t, std::vector<Caller>> callers_;   // of each component that is a group
  std::map<std::size_t, std::set<std::string>> items_;   // of loops over it
  std::map<std::pair<std::size_t, std::string>, std::optional<ParameterType>> declared_;
  std::size_t passed_ = 0;
};

}  // namespace

void mend_channels(Spec& spec) { Mender(spec).run(); }

}  // namespace sluice::frontends::kubeflow
