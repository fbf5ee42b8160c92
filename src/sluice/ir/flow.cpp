#include <algorithm>
#include <unordered_set>

#include "sluice/ir/duration.hpp"
#include "sluice/ir/given_names.hpp"
#include "sluice/ir/infer.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/ir/names.hpp"
#include "sluice/ir/python_requirements.hpp"
#include "sluice/ir/references.hpp"
#include "sluice/ir/resources.hpp"
#include "sluice/ir/secret.hpp"
#include "sluice/ir/types.hpp"

namespace sluice::ir {
namespace {

using Kind = Type::Kind;
using Outputs = std::shared_ptr<const OutputTypes>;

Type plain(Kind kind) { return Type{.kind = kind, .element = nullptr, .artifact_kind = "any"}; }

/// For a text that YAML reads as a number or a boolean, such as the version 3.10.
std::string quoting_hint(const Value& value, const Type& wanted) {
  const bool scalar = value.as_double() || value.if_boolean();
  return scalar && wanted.kind == Kind::string ? "; quote it" : "";
}

Outputs unknown_outputs() {
  auto made = std::make_shared<OutputTypes>();
  made->known = false;
  return made;
}

/// The inputs, by name, and the outputs of a service or pipeline that can be called.
struct Callable {
  std::string title;  ///< "service `image.embed`"
  struct Parameter {
    const Type* type;
    bool optional;
    const Signature* service = nullptr;  ///< whose input it is; null: of a pipeline
    const ir::Parameter* declared = nullptr;
  };
  std::unordered_map<std::string_view, Parameter> parameters;
  std::vector<std::string_view> in_order;
  Outputs outputs;
};

class Checker {
 public:
  Checker(const Plan& plan, const PipelineIndex& pipelines, const Orders& orders, Problems& problems)
      : plan_(plan),
        pipelines_(pipelines),
        orders_(orders),
        problems_(problems),
        called_(plan.pipelines.size()) {}

  void run(const Signatures& services, const std::vector<std::size_t>& pipeline_order) {
    for (const auto& service : services) {
      auto& callable = services_[service.name];
      callable.title = "service `" + service.name + "`";
      for (const auto& input : service.inputs) {
        callable.parameters.emplace(input.name,
                                    Callable::Parameter{&input.type, input.optional, &service, &input});
        callable.in_order.emplace_back(input.name);
      }
      auto outputs = std::make_shared<OutputTypes>();
      for (const auto& output : service.outputs) outputs->add(output.name, output.type);
      outputs->sort();
      callable.outputs = std::move(outputs);
    }
    for (std::size_t i = 0; i < plan_.pipelines.size(); ++i) {
      auto& callable = called_[i];
      const auto& pipeline = plan_.pipelines[i];
      callable.title = "pipeline `" + pipeline.name + "`";
      for (const auto& input : pipeline.inputs) {
        callable.parameters.emplace(input.name,
                                    Callable::Parameter{&input.type, input.optional || input.value});
        callable.in_order.emplace_back(input.name);
      }
    }
    for (const auto i : pipeline_order) pipeline(plan_.pipelines[i], called_[i]);
  }

 private:
  void pipeline(const Pipeline& pipeline, Callable& callable) {
    auto inputs = std::make_shared<OutputTypes>();
    for (const auto& input : pipeline.inputs) {
      inputs->add(input.name, input.type);
      if (!input.value) continue;
      if (const auto problem = type_mismatch(*input.value, input.type, true))
        problems_.add(input.at, "the default of `" + input.name + "` should be " + describe(input.type) +
                                    ": " + *problem + quoting_hint(*input.value, input.type));
    }
    inputs->sort();
    names_["inputs"].outputs = std::move(inputs);
    if (pipeline.body.limit) expect(*pipeline.body.limit, plain(Kind::integer), "`limit`");
    auto outputs = std::make_shared<OutputTypes>();
    region(pipeline.body, [&] {
      for (const auto& output : pipeline.outputs) {
        auto type = output.value ? infer(*output.value, names_, problems_) : Type{};
        if (output.type && !assignable(type, *output.type))
          problems_.add(output.value->at, "output `" + output.name + "` should be " + describe(*output.type) +
                                              ", not " + describe(type));
        outputs->add(output.name, output.type.value_or(type));
      }
    });
    outputs->sort();
    callable.outputs = std::move(outputs);
  }

  template <typename Yields>
  void region(const Region& region, const Yields& yields) {
    const auto order = orders_.find(&region);
    if (order == orders_.end()) return;  // it is nested too deep, which check_names has reported
    std::vector<std::string_view> declared;
    for (const auto i : order->second) {
      const auto& op = region.operations[i];
      auto outputs = operation(op);
      if (names_.emplace(op.name, TypedName{std::move(outputs), {}}).second) declared.push_back(op.name);
    }
    yields();
    for (const auto name : declared) names_.erase(name);
  }

  // ---- one operation

  Outputs operation(const Operation& op) {
    auto raw = what(op);
    common(op);
    if (op.yield.empty() || !inner_scopes(op).empty()) return raw;
    names_["self"].outputs = raw;
    auto made = yields(op.yield);
    names_.erase("self");
    return made;
  }

  Outputs what(const Operation& op) {
    if (const auto* process = std::get_if<Process>(&op.what)) return this->process(op, *process);
    if (const auto* service = std::get_if<ServiceCall>(&op.what)) {
      const auto found = services_.find(service->service);
      if (found != services_.end()) return call(op, found->second, service->with);
      std::vector<std::string_view> known;
      known.reserve(services_.size());
      for (const auto& [name, callable] : services_) known.push_back(name);
      std::ranges::sort(known);
      problems_.add(
          op.at, "unknown service `" + service->service + "`" + problems_.suggest(service->service, known));
      return unchecked(service->with);
    }
    if (const auto* called = std::get_if<PipelineCall>(&op.what)) {
      const auto found = pipelines_.find(called->pipeline);
      if (found != pipelines_.end()) return call(op, called_[found->second], called->with);
      std::vector<std::string_view> known;
      known.reserve(plan_.pipelines.size());
      for (const auto& pipeline : plan_.pipelines) known.push_back(pipeline.name);
      problems_.add(
          op.at, "unknown pipeline `" + called->pipeline + "`" + problems_.suggest(called->pipeline, known));
      return unchecked(called->with);
    }
    if (const auto* branch = std::get_if<Branch>(&op.what)) return this->branch(*branch);
    if (const auto* each = std::get_if<Each>(&op.what)) return this->each(op, *each);
    if (const auto* block = std::get_if<Block>(&op.what)) {
      if (!block->region) return unknown_outputs();
      limit_of(*block->region);
      Outputs made;
      region(*block->region, [&] { made = yields(op.yield); });
      return made ? made : unknown_outputs();
    }
    if (const auto* raise = std::get_if<Raise>(&op.what)) infer(*raise->value, names_, problems_);
    return std::make_shared<OutputTypes>();
  }

  Outputs process(const Operation& op, const Process& process) {
    if (process.function) function(process, *process.function);
    if (process.argv.empty() && !process.function && !process.script && !process.image)
      problems_.add(op.at, "`process` of `" + op.name + "` is empty; its first element is the program");
    for (const auto* list : {&process.argv, &process.args})
      for (const auto& arg : *list) infer(*arg, names_, problems_);
    for (const auto& [name, value] : process.env) {
      const auto type = infer(*value, names_, problems_);
      if (const auto secret = secret_in(value->literal)) {
        if (!is_secret_name(secret->name))
          problems_.add(value->at, "environment variable `" + name + "`: a secret is named NAME.KEY, not `" +
                                       secret->name.substr(0, 60) + "`");
        else if (process.image && !may_be_secret_of_container(name))
          problems_.add(value->at, "environment variable `" + name +
                                       "` of a container cannot be a secret: its name means something to "
                                       "the command of the container engine; use another name");
        continue;
      }
      if (type.kind == Kind::list || type.kind == Kind::structure)
        problems_.add(value->at, "environment variable `" + name + "` should be a string, not " +
                                     describe(type) + "; use json.encode()");
    }
    auto outputs = std::make_shared<OutputTypes>();
    for (const auto& output : process.outputs) outputs->add(output.name, output.type);
    outputs->sort();
    for (const auto& output : process.outputs) source(output, *outputs);
    return outputs;
  }

  /// The arguments of a function, and that it can make every output: a file or folder only where its path is
  /// an argument.
  void function(const Process& process, const PythonFunction& called) {
    std::unordered_set<std::string_view> written;
    for (const auto& [name, value] : called.with) {
      infer(*value, names_, problems_);
      if (!is_python_name(name) || name.contains('.'))
        problems_.add(value->at, "`" + name + "` cannot be the name of an argument of a Python function");
      syntax::visit_references(*value, [&](std::string_view root, const auto& fields, Location) {
        if (root == "out" && !fields.empty()) written.insert(fields.front());
      });
    }
    for (const auto& output : process.outputs)
      if (output.type.kind == Kind::artifact && output.from.empty() && !written.contains(output.name))
        problems_.add(output.at, "`" + called.function + "` cannot return the artifact `" + output.name +
                                     "`; give it the path to write to: `with: {" + output.name +
                                     ": \"${out." + output.name + "}\"}`");
  }

  /// Checks `from: dir/file.json`, which reads inside another output, a directory.
  void source(const TaskOutput& output, const OutputTypes& outputs) {
    if (output.from.empty()) return;
    const auto slash = output.from.find('/');
    const auto name = output.from.substr(0, slash);
    const auto* type = outputs.find(name);
    if (slash == std::string::npos || slash + 1 == output.from.size())
      problems_.add(output.at,
                    "`from` of `" + output.name + "` should be OUTPUT/PATH, a file inside another output");
    else if (!type)
      problems_.add(output.at, "`from` of `" + output.name + "` names no output `" + name + "`" +
                                   problems_.suggest(name, outputs.names()));
    else if (type->kind != Kind::artifact || name == output.name)
      problems_.add(output.at, "`from` of `" + output.name + "` reads inside `" + name +
                                   "`, which should be an artifact that is a directory");
  }

  Outputs call(const Operation& op, const Callable& callable, const std::vector<Named>& with) {
    std::unordered_set<std::string_view> given;
    for (const auto& [name, value] : with) {
      const auto type = infer(*value, names_, problems_);
      if (!given.insert(name).second) problems_.add(value->at, "input `" + name + "` is given twice");
      const auto parameter = callable.parameters.find(name);
      if (parameter == callable.parameters.end())
        problems_.add(value->at, callable.title + " has no input `" + name + "`" +
                                     problems_.suggest(name, callable.in_order));
      else if (!assignable(type, *parameter->second.type))
        problems_.add(value->at, "input `" + name + "` of " + callable.title + " should be " +
                                     describe(*parameter->second.type) + ", not " + describe(type));
      else if (const auto& [ignored, optional, service, declared] = parameter->second; service)
        if (auto problem = name_problem(*service, *declared, value->literal))
          problems_.add(value->at, std::move(*problem));
    }
    for (const auto name : callable.in_order) {
      const auto& parameter = callable.parameters.at(name);
      if (!parameter.optional && !given.contains(name))
        problems_.add(op.at, callable.title + " needs the input `" + std::string(name) + "`, " +
                                 describe(*parameter.type));
    }
    return callable.outputs ? callable.outputs
                            : unknown_outputs();  // none yet if it calls itself, which was reported
  }

  Outputs unchecked(const std::vector<Named>& with) {
    for (const auto& [name, value] : with) infer(*value, names_, problems_);
    return unknown_outputs();
  }

  Outputs branch(const Branch& branch) {
    std::vector<std::pair<std::string_view, Type>> all;
    for (std::size_t i = 0; i < branch.arms.size(); ++i) {
      const auto& arm = branch.arms[i];
      if (arm.when) expect(*arm.when, plain(Kind::boolean), "`when`");
      if (!arm.when && i + 1 < branch.arms.size())
        problems_.add(arm.at, "`else` should be the last arm; the arms after it are never taken");
      if (!arm.region) continue;
      limit_of(*arm.region);
      region(*arm.region, [&] {
        for (const auto& [name, value] : arm.region->yield)
          all.emplace_back(name, infer(*value, names_, problems_));
      });
    }
    auto made = std::make_shared<OutputTypes>();
    std::ranges::sort(all, {}, [](const auto& entry) { return entry.first; });
    for (auto one = all.begin(); one != all.end();) {
      const auto name = one->first;
      auto type = one->second;
      for (++one; one != all.end() && one->first == name; ++one) type = common_type(type, one->second);
      made->add(name, std::move(type));
    }
    made->sort();
    return made;
  }

  Outputs each(const Operation& op, const Each& each) {
    const auto items = infer(*each.items, names_, problems_);
    if (items.kind != Kind::any && items.kind != Kind::list)
      problems_.add(each.items->at, "`each` takes a list, not " + describe(items));
    if (each.limit) expect(*each.limit, plain(Kind::integer), "`limit`");
    if (!each.region) return unknown_outputs();
    std::vector<std::string_view> declared;
    const auto declare = [&](std::string_view name, Type type) {
      if (!name.empty() && names_.emplace(name, TypedName{nullptr, std::move(type)}).second)
        declared.push_back(name);
    };
    declare(each.as, items.kind == Kind::list && items.element ? *items.element : Type{});
    declare(each.index, plain(Kind::integer));
    auto made = std::make_shared<OutputTypes>();
    region(*each.region, [&] {
      for (const auto& [name, value] : op.yield) {
        auto list = plain(Kind::list);
        list.element = std::make_shared<const Type>(infer(*value, names_, problems_));
        made->add(name, std::move(list));
      }
    });
    made->sort();
    for (const auto name : declared) names_.erase(name);
    return made;
  }

  Outputs yields(const std::vector<Named>& all) {
    auto made = std::make_shared<OutputTypes>();
    for (const auto& [name, value] : all) made->add(name, infer(*value, names_, problems_));
    made->sort();
    return made;
  }

  void limit_of(const Region& region) {
    if (region.limit) expect(*region.limit, plain(Kind::integer), "`limit`");
  }

  void common(const Operation& op) {
    if (op.condition) expect(*op.condition, plain(Kind::boolean), "`if`");
    for (const auto& retry : op.retry) {
      if (retry.limit) expect(*retry.limit, plain(Kind::integer), "`limit` of a retry");
      if (retry.when) expect(*retry.when, plain(Kind::boolean), "`when` of a retry");
    }
    if (op.timeout) {
      const auto type = infer(*op.timeout, names_, problems_);
      const bool fits =
          type.kind == Kind::any || type.kind == Kind::string || assignable(type, plain(Kind::number));
      const bool fixed = op.timeout->kind == syntax::Expression::Kind::literal;
      if (!fits || (fixed && !duration_of(op.timeout->literal)))
        problems_.add(op.timeout->at, "`timeout` should be a duration such as 10m, or a number of seconds");
    }
    if (op.cache.key) infer(*op.cache.key, names_, problems_);
    for (const auto& [name, value] : op.resources) {
      infer(*value, names_, problems_);
      const bool fixed = value->kind == syntax::Expression::Kind::literal;
      Resources ignored;
      // An expression is checked when its value is known; 0 is right for every resource.
      if (const auto problem = assign_resource(ignored, name, fixed ? value->literal : Value(0)))
        problems_.add(value->at, *problem);
    }
  }

  void expect(const syntax::Expression& e, const Type& wanted, const std::string& what) {
    const auto type = infer(e, names_, problems_);
    if (!assignable(type, wanted))
      problems_.add(e.at, what + " should be " + describe(wanted) + ", not " + describe(type));
  }

  const Plan& plan_;
  const PipelineIndex& pipelines_;
  const Orders& orders_;
  Problems& problems_;
  std::unordered_map<std::string_view, Callable> services_;
  std::vector<Callable> called_;  ///< by the index of the pipeline
  TypedNames names_;
};

}  // namespace

void check_types(const Plan& plan, const Signatures& services, const PipelineIndex& pipelines,
                 const std::vector<std::size_t>& pipeline_order, const Orders& orders, Problems& problems) {
  Checker(plan, pipelines, orders, problems).run(services, pipeline_order);
}

}  // namespace sluice::ir
