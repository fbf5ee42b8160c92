#include "random_plan.hpp"

#include <vector>

#include <fmt/format.h>

namespace sluice::sim {

ir::Signatures services() {
  const ir::Parameter value{.name = "value", .type = {}, .optional = true};
  const ir::Parameter o{.name = "o", .type = {.kind = ir::Type::Kind::integer}};
  return {
      {.name = "sim.pure", .version = "1.0.0", .effect = ir::Effect::none, .inputs = {value}, .outputs = {o}},
      {.name = "sim.effect",
       .version = "1.0.0",
       .effect = ir::Effect::idempotent,
       .inputs = {value},
       .outputs = {o}}};
}

namespace {

constexpr int depth_max = 3;

class PlanWriter {
 public:
  explicit PlanWriter(SeededRandom& random) : random_(random) {}

  std::string plan() {
    std::string text = "sluice: 1\npipelines:\n";
    text += pipeline("second", 2, {});
    text += pipeline("first", 1, {"second"});
    text += pipeline("main", 0, {"first", "second"});
    return text;
  }

 private:
  /// What an expression may read at this point: names of operations with an output `o`, and loop variables.
  struct Scope {
    std::vector<std::string> integers;
    std::vector<std::string> anything;
    std::vector<std::string> siblings;
    std::vector<std::string> callable;
  };

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  std::size_t below(std::size_t bound) { return random_.below(bound); }
  const std::string& one_of(const std::vector<std::string>& list) { return list[below(list.size())]; }
  std::string fresh(std::string_view kind) { return fmt::format("{}{}", kind, ++count_); }

  std::string pipeline(const std::string& name, int depth, std::vector<std::string> callable) {
    Scope scope{.integers = {}, .anything = {}, .siblings = {}, .callable = std::move(callable)};
    std::string head = fmt::format("  {}:\n    inputs:\n", name);
    if (name != "main") {
      head += "      n: {type: integer}\n";
      scope.integers.emplace_back("inputs.n");
    }
    if (chance(50)) {
      head += "      usual: {type: integer, default: 3}\n";
      scope.integers.emplace_back("inputs.usual");
    }
    head += "      maybe: {type: integer, optional: true}\n";
    if (chance(30)) scope.integers.emplace_back("inputs.maybe");
    head += concurrency(4);
    auto body = region(scope, depth, 6);
    head += fmt::format("    outputs: {{o: {{type: integer, value: \"{}\"}}}}\n", yielded(scope));
    return head + "    graph:\n" + body;
  }

  /// Generates operations, each of one line or more, and adds their names to the scope.
  std::string region(Scope& scope, int depth, int indent) {
    scope.siblings.clear();
    std::string text;
    const auto operations = 1 + below(depth == 0 ? 6 : 3);
    for (std::size_t i = 0; i < operations; ++i) text += operation(scope, depth, indent);
    return text;
  }

  /// Fields of a region.
  std::string concurrency(int indent) {
    std::string text;
    if (chance(15)) text += fmt::format("{:{}}limit: {}\n", "", indent, below(3));
    if (chance(25)) text += fmt::format("{:{}}on_failure: stop\n", "", indent);
    return text;
  }

  std::string operation(Scope& scope, int depth, int indent) {
    if (!scope.siblings.empty() && chance(5)) return watcher(scope, indent);
    const auto kind = below(depth < depth_max ? 100 : 72);
    if (kind < 45) return process(scope, indent);
    if (kind < 60) return service(scope, indent, "sim.pure");
    if (kind < 70) return service(scope, indent, "sim.effect");
    if (kind < 72) return raise(scope, indent);
    if (kind < 80) return branch(scope, depth, indent);
    if (kind < 90) return each(scope, depth, indent);
    if (kind < 95 || scope.callable.empty()) return block(scope, depth, indent);
    return call(scope, indent);
  }

  std::string integer(const Scope& scope) {
    if (scope.integers.empty() || chance(20)) return std::to_string(below(10));
    const auto& name = one_of(scope.integers);
    return chance(20) ? fmt::format("default({}, {})", name, below(10)) : name;
  }
  std::string condition(const Scope& scope) { return fmt::format("${{{} > {}}}", integer(scope), below(8)); }
  /// A condition on how others ended.
  std::string question(const Scope& scope) {
    const auto& name = one_of(scope.siblings);
    switch (below(4)) {
      case 0: return fmt::format("${{status({}) == 'failed' or upstream.failed}}", name);
      case 1: return fmt::format("${{error({}).kind in ['exit', 'timeout', 'branches']}}", name);
      case 2: return fmt::format("${{present(error({}))}}", name);
      default: return "${not upstream.failed}";
    }
  }
  std::string argument(const Scope& scope) {
    if (!scope.anything.empty() && chance(25)) return fmt::format("${{text({})}}", one_of(scope.anything));
    return fmt::format("${{{}}}", integer(scope));
  }
  /// The output of a region: mostly an integer, whatever was skipped or failed.
  std::string yielded(const Scope& scope) {
    if (scope.integers.empty()) return "${0}";
    const auto& name = one_of(scope.integers);
    if (chance(10)) return fmt::format("${{{}}}", name);
    if (chance(5)) return fmt::format("${{8 // {}}}", name);  // may divide by zero
    if (chance(10)) return fmt::format("${{first({}, {}, 0)}}", name, one_of(scope.integers));
    return fmt::format("${{default({}, 0)}}", name);
  }

  std::string line(int indent, const std::string& name, const std::string& fields) {
    return fmt::format("{:{}}{}: {{{}}}\n", "", indent, name, fields);
  }
  /// Fields that every operation may have.
  std::vector<std::string> common(const Scope& scope) {
    std::vector<std::string> fields;
    if (!scope.siblings.empty() && chance(20))
      fields.push_back(fmt::format("after: [{}]", one_of(scope.siblings)));
    if (chance(12)) fields.push_back(fmt::format("if: \"{}\"", condition(scope)));
    if (chance(18)) {
      const std::vector<std::string> triggers{"completed", "none_failed", "any_succeeded", "any_failed"};
      fields.push_back("trigger: " + one_of(triggers));
    }
    if (chance(15)) fields.emplace_back("fails: false");
    return fields;
  }
  std::string in_line(const std::vector<std::string>& fields) {
    std::string text;
    for (const auto& field : fields) text += ", " + field;
    return text;
  }
  std::string on_lines(const std::vector<std::string>& fields, int indent) {
    std::string text;
    for (const auto& field : fields) text += fmt::format("{:{}}{}\n", "", indent, field);
    return text;
  }
  /// Fields that only tasks may have.
  std::string task_fields() {
    std::string text;
    if (chance(30))
      text +=
          fmt::format(", retry: {{limit: {}, backoff: {}ms, factor: 2, max: 3s}}", 1 + below(3), below(800));
    else if (chance(15))
      text += fmt::format(
          ", retry: [{{limit: {}, when: \"${{error.kind == 'timeout'}}\"}}, "
          "{{limit: {}, backoff: {}ms, factor: 3, within: {}ms, when: \"${{error.exit_code == 1}}\"}}, "
          "{{limit: 1}}]",
          1 + below(2), 1 + below(3), below(800), below(4000));
    if (chance(20)) text += fmt::format(", timeout: {}ms", 50 + below(4000));
    if (chance(15))
      text += ", cache: off";
    else if (chance(10))
      text += ", cache: {scope: run}";
    else if (chance(10))
      text += fmt::format(", cache: {{max_age: {}ms}}", 100 + below(20'000));
    return text;
  }
  void add_integer_output(Scope& scope, const std::string& name) {
    scope.siblings.push_back(name);
    scope.integers.push_back(name + ".o");
  }
  /// The yield of a task: sometimes, and sometimes it divides by zero.
  std::string computed() {
    if (chance(90)) return "";
    return chance(50) ? ", yield: {o: \"${self.o + 1}\"}" : ", yield: {o: \"${6 // self.o}\"}";
  }

  std::string process(Scope& scope, int indent) {
    const auto name = fresh("p");
    const bool optional = chance(15);
    auto fields = fmt::format("process: [run, \"{}\", \"${{out.o}}\"], outputs: {{o: {{type: integer}}{}}}",
                              argument(scope), optional ? ", q: {type: integer, optional: true}" : "");
    if (chance(20)) fields += fmt::format(", env: {{X: \"{}\"}}", argument(scope));
    if (chance(10))
      fields += ", resources: {gpu: 1, cpu: 0}";
    else if (chance(30))
      fields += fmt::format(", resources: {{cpu: {}}}", below(5) * 0.5);
    if (chance(15)) fields += ", pool: narrow";
    fields += task_fields() + (optional ? "" : computed()) + in_line(common(scope));
    add_integer_output(scope, name);
    if (optional) scope.integers.push_back(name + ".q");
    return line(indent, name, fields);
  }

  /// A task that depends on how others ended, and reads nothing else.
  std::string watcher(Scope& scope, int indent) {
    const auto name = fresh("w");
    const auto fields = fmt::format(
        "process: [run, \"${{status({})}}\"], after: [{}], trigger: {}, if: \"{}\"", one_of(scope.siblings),
        one_of(scope.siblings), chance(80) ? "completed" : "any_failed", question(scope));
    scope.siblings.push_back(name);
    return line(indent, name, fields);
  }

  std::string service(Scope& scope, int indent, std::string_view what) {
    const auto name = fresh("s");
    auto fields = fmt::format("service: {}, with: {{value: \"{}\"}}", what, argument(scope));
    fields += task_fields() + computed() + in_line(common(scope));
    add_integer_output(scope, name);
    return line(indent, name, fields);
  }

  std::string raise(Scope& scope, int indent) {
    const auto name = fresh("r");
    const auto value = chance(50) ? "on purpose" : fmt::format("\"{}\"", argument(scope));
    auto text = line(indent, name, fmt::format("raise: {}{}", value, in_line(common(scope))));
    scope.siblings.push_back(name);
    return text;
  }

  std::string call(Scope& scope, int indent) {
    const auto name = fresh("c");
    const auto maybe = chance(50) ? "" : fmt::format(", maybe: \"${{{}}}\"", integer(scope));
    auto fields =
        fmt::format("call: {}, with: {{n: \"${{{}}}\"{}}}", one_of(scope.callable), integer(scope), maybe);
    fields += in_line(common(scope));
    add_integer_output(scope, name);
    return line(indent, name, fields);
  }

  std::string block(Scope& scope, int depth, int indent) {
    const auto name = fresh("b");
    auto text = fmt::format("{:{}}{}:\n", "", indent, name) + on_lines(common(scope), indent + 2);
    auto inner = scope;
    text += concurrency(indent + 2);
    text += fmt::format("{:{}}graph:\n", "", indent + 2) + region(inner, depth + 1, indent + 4);
    text += fmt::format("{:{}}yield: {{o: \"{}\"}}\n", "", indent + 2, yielded(inner));
    add_integer_output(scope, name);
    return text;
  }

  std::string branch(Scope& scope, int depth, int indent) {
    const auto name = fresh("v");
    auto text = fmt::format("{:{}}{}:\n", "", indent, name) + on_lines(common(scope), indent + 2);
    text += fmt::format("{:{}}branch:\n", "", indent + 2);
    const auto arms = 1 + below(2);
    for (std::size_t i = 0; i < arms; ++i) {
      text += fmt::format("{:{}}- when: \"{}\"\n", "", indent + 4, condition(scope));
      text += arm(scope, depth, indent + 6);
    }
    if (chance(10))
      text += fmt::format("{:{}}- else: {{raise: no arm}}\n", "", indent + 4);
    else if (chance(60))
      text += fmt::format("{:{}}- else:\n", "", indent + 4) + arm(scope, depth, indent + 6);
    add_integer_output(scope, name);
    return text;
  }

  std::string arm(const Scope& scope, int depth, int indent) {
    auto inner = scope;
    auto text =
        concurrency(indent) + fmt::format("{:{}}graph:\n", "", indent) + region(inner, depth + 1, indent + 2);
    return text + fmt::format("{:{}}yield: {{o: \"{}\"}}\n", "", indent, yielded(inner));
  }

  std::string each(Scope& scope, int depth, int indent) {
    const auto name = fresh("e");
    const auto item = fresh("i");
    auto text = fmt::format("{:{}}{}:\n", "", indent, name) + on_lines(common(scope), indent + 2);
    if (chance(10))
      text += fmt::format("{:{}}each: [3, {}, 0]\n", "", indent + 2, below(10));
    else
      text += fmt::format("{:{}}each: \"${{range({})}}\"\n", "", indent + 2,
                          chance(50) ? fmt::format("{} % 4", integer(scope)) : std::to_string(below(5)));
    text += fmt::format("{:{}}as: {}\n", "", indent + 2, item);
    const auto index = chance(20) ? fresh("k") : "";
    if (!index.empty()) text += fmt::format("{:{}}index: {}\n", "", indent + 2, index);
    if (chance(40)) text += fmt::format("{:{}}limit: {}\n", "", indent + 2, 1 + below(3));
    if (chance(30)) text += fmt::format("{:{}}on_failure: stop\n", "", indent + 2);
    if (chance(20))
      text += fmt::format("{:{}}tolerate: {}\n", "", indent + 2, below(3));
    else if (chance(10))
      text += fmt::format("{:{}}tolerate: {}%\n", "", indent + 2, below(100));
    auto inner = scope;
    inner.integers.push_back(item);
    if (!index.empty()) inner.integers.push_back(index);
    text += fmt::format("{:{}}graph:\n", "", indent + 2) + region(inner, depth + 1, indent + 4);
    text += fmt::format("{:{}}yield: {{o: \"{}\"}}\n", "", indent + 2, yielded(inner));
    scope.siblings.push_back(name);
    scope.anything.push_back(name + ".o");
    return text;
  }

  SeededRandom& random_;
  int count_ = 0;
};

}  // namespace

std::string random_plan(SeededRandom& random) { return PlanWriter(random).plan(); }

}  // namespace sluice::sim
