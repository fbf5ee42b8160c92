#include <algorithm>
#include <array>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/image_reference.hpp"
#include "sluice/ir/python_requirements.hpp"
#include "sluice/ir/reader/plan_reader.hpp"

namespace sluice::ir {
namespace {

/// The key that determines what an operation is, and the keys allowed with it besides those of every
/// operation.
struct Shape {
  std::string_view head;
  std::vector<std::string_view> keys;
};
const std::array shapes{
    Shape{"process",
          {"code", "environment", "env", "outputs", "hermetic", "cache", "resources", "pool", "hints",
           "yield"}},
    Shape{"python",
          {"code", "environment", "env", "outputs", "hermetic", "cache", "resources", "pool", "hints",
           "yield"}},
    Shape{"container", {"code", "outputs", "cache", "resources", "pool", "hints", "yield"}},
    Shape{"service", {"with", "cache", "resources", "pool", "hints", "yield"}},
    Shape{"call", {"with"}},
    Shape{"branch", {}},
    Shape{"each", {"as", "index", "limit", "on_failure", "tolerate", "graph", "yield"}},
    Shape{"raise", {}},
    Shape{"graph", {"limit", "on_failure", "yield"}},
};
constexpr std::array every_operation{"after", "if", "trigger", "retry", "timeout", "fails", "title"};
constexpr std::array of_steps{"steps", "try", "wait", "assign", "jump", "return"};

constexpr std::array of_container{"image", "command", "args", "env"};

bool is_of_container(std::string_view key) {
  return std::ranges::find(of_container, key) != of_container.end();
}

std::string in_backticks(std::string_view name) { return "`" + std::string(name) + "`"; }

const Node::Field* field_of(const Node& node, std::string_view key) {
  for (const auto& field : node.fields)
    if (field.key == key) return &field;
  return nullptr;
}

std::string join_words(const auto& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

}  // namespace

Operation PlanReader::operation(const Node::Field& field) {
  Operation op;
  op.name = field.key;
  op.at = field.at;
  op.what = Block{};  // its outputs are unknown; replaced once the kind of operation is known
  const auto& node = *field.value;
  name(field, "an operation");
  if (!is_map(node, "operation " + in_backticks(field.key))) return op;
  for (const auto* key : of_steps)
    if (const auto* found = field_of(node, key)) {
      problem(found->at, "this version supports only graph regions, not `" + found->key + "`");
      return op;
    }
  const Shape* shape = nullptr;
  for (const auto& candidate : shapes) {
    const auto* head = field_of(node, candidate.head);
    if (!head || (shape && shape->head == "each" && candidate.head == "graph")) continue;
    if (shape) {
      problem(head->at, in_backticks(shape->head) + " and " + in_backticks(candidate.head) +
                            " cannot be combined; define an operation for each");
      return op;
    }
    shape = &candidate;
  }
  if (!shape) {
    std::vector<std::string> heads;
    heads.reserve(shapes.size());
    for (const auto& candidate : shapes) heads.emplace_back(candidate.head);
    std::string slip;
    for (const auto& given : node.fields)
      if (slip.empty()) slip = did_you_mean(given.key, heads);
    problem(field.at, in_backticks(field.key) + " does not say what it does; it needs one of " +
                          join_words(heads) + slip);
    return op;
  }
  std::vector<std::string> known{std::string(shape->head)};
  known.insert(known.end(), shape->keys.begin(), shape->keys.end());
  known.insert(known.end(), every_operation.begin(), every_operation.end());
  for (const auto& given : node.fields)
    if (std::ranges::find(known, given.key) == known.end())
      problem(given.at, shape->head == "container" && is_of_container(given.key)
                            ? in_backticks(given.key) + " belongs into the map of `container`"
                            : in_backticks(shape->head) + " has no " + in_backticks(given.key) +
                                  did_you_mean(given.key, known));

  const auto& head = *node.find(shape->head);
  if (shape->head == "process" || shape->head == "python") {
    process(node, op);
  } else if (shape->head == "container") {
    container(node, op);
  } else if (shape->head == "service") {
    op.what = ServiceCall{string(head, "`service`"), named(node.find("with"), "`with`")};
  } else if (shape->head == "call") {
    op.what = PipelineCall{string(head, "`call`"), named(node.find("with"), "`with`")};
  } else if (shape->head == "branch") {
    branch(head, op);
  } else if (shape->head == "each") {
    each(node, field.at, op);
  } else if (shape->head == "raise") {
    op.what = Raise{expression(head)};
  } else {
    Block block{inner_region(&head, field.at)};
    concurrency(node, *block.region);
    op.what = std::move(block);
  }
  common(node, op);
  return op;
}

void PlanReader::common(const Node& node, Operation& op) {
  if (const auto* after = node.find("after")) {
    if (after->kind == Node::Kind::list)
      for (const auto& item : after->items)
        op.after.emplace_back(name_in(item, "an element of `after`"), item.at);
    else
      op.after.emplace_back(name_in(*after, "`after`"), after->at);
    std::erase_if(op.after, [](const auto& one) { return one.first.empty(); });
  }
  if (const auto* condition = node.find("if")) op.condition = expression(*condition);
  if (const auto* trigger = node.find("trigger"))
    op.trigger = static_cast<Trigger>(word(
        *trigger, "`trigger`", {"succeeded", "completed", "none_failed", "any_succeeded", "any_failed"}));
  if (const auto* retries = node.find("retry")) {
    if (retries->kind == Node::Kind::list)
      for (const auto& item : retries->items) op.retry.push_back(retry(item));
    else
      op.retry.push_back(retry(*retries));
  }
  if (const auto* timeout = node.find("timeout")) op.timeout = expression(*timeout);
  if (const auto* title = node.find("title")) op.title = plain_text(*title, "`title`");
  if (const auto* fails = node.find("fails")) op.fails = boolean(*fails, "`fails`");
  const bool is_task =
      std::holds_alternative<Process>(op.what) || std::holds_alternative<ServiceCall>(op.what);
  const bool yields =
      is_task || std::holds_alternative<Each>(op.what) || std::holds_alternative<Block>(op.what);
  if (yields) op.yield = named(node.find("yield"), "`yield`");
  if (!is_task) return;
  if (const auto* given = node.find("cache")) cache(*given, op.cache);
  op.resources = named(node.find("resources"), "`resources`");
  if (const auto* pool = node.find("pool")) op.pool = string(*pool, "`pool`");
  if (const auto* hints = node.find("hints")) op.hints = plain_fields(*hints, "`hints`");
}

void PlanReader::process(const Node& node, Operation& op) {
  Process made;
  if (const auto* called = node.find("python")) {
    if (called->find("script") != nullptr)
      python_script(*called, made);
    else
      made.function = python_function(*called);
  } else {
    const auto& argv = *node.find("process");
    made.argv = arguments(&argv, "`process` should be a list, the program and its arguments");
    // So that the verifier does not report an empty `process` too.
    if (argv.kind != Node::Kind::list) made.argv.push_back(syntax::Expression::of(Value(""), argv.at));
  }
  if (const auto* given = node.find("environment")) made.environment = environment(*given);
  made.env = named(node.find("env"), "`env`", Scalars::texts);
  files(node, made);
  if (const auto* hermetic = node.find("hermetic")) made.hermetic = boolean(*hermetic, "`hermetic`");
  op.what = std::move(made);
}

PythonFunction PlanReader::python_function(const Node& node) {
  PythonFunction made{.at = node.at, .module = {}, .function = {}, .with = {}};
  if (!map(node, "`python`", {"module", "function", "with"})) return made;
  const auto dotted = [&](std::string_view key, std::string& out) {
    const auto* given = node.find(key);
    if (given == nullptr) {
      problem(node.at,
              "`python` needs " + in_backticks(key) + ", as in `python: {module: train, function: fit}`");
      return;
    }
    out = string(*given, in_backticks(key));
    const bool is_text =
        given->kind == Node::Kind::scalar && given->scalar.is_string() && !out.contains("${");
    if (is_text && (!is_python_name(out) || out.ends_with(".py")))
      problem(given->at,
              in_backticks(key) + " should be a name as Python's `import` takes it, such as " +
                  (key == "module" ? "`train` or `shop.train`, without `.py`" : "`fit` or `Model.fit`"));
  };
  dotted("module", made.module);
  dotted("function", made.function);
  made.with = named(node.find("with"), "`with`");
  return made;
}

void PlanReader::python_script(const Node& node, Process& made) {
  made.script = PythonScript{.at = node.at, .text = {}};
  if (!map(node, "`python` with a `script`", {"script", "args"})) return;
  made.script->text = string(*node.find("script"), "`script`");
  made.args = arguments(node.find("args"), "`args` should be a list, what the script finds in `sys.argv`");
}

void PlanReader::container(const Node& node, Operation& op) {
  Process made;
  const auto& head = *node.find("container");
  made.image = Image{.at = head.at, .reference = {}};
  files(node, made);
  if (map(head, "`container`", {"image", "command", "args", "env"})) {
    if (const auto* image = head.find("image")) {
      *made.image = {.at = image->at, .reference = string(*image, "`image`")};
      const auto& reference = made.image->reference;
      // Another problem was told of what is no string, or an expression.
      const bool is_fixed = image->scalar.is_string() && reference.find("${") == std::string::npos;
      if (const auto refused = image_problem(reference); refused && is_fixed) problem(image->at, *refused);
    } else {
      problem(head.at, "`container` needs an `image`, such as docker.io/library/python:3.12");
    }
    made.argv = arguments(head.find("command"), "`command` should be a list, the program and its arguments");
    made.args = arguments(head.find("args"), "`args` should be a list of arguments");
    made.env = named(head.find("env"), "`env`", Scalars::texts);
  }
  op.what = std::move(made);
}

std::vector<ExpressionPtr> PlanReader::arguments(const Node* node, std::string_view expected) {
  std::vector<ExpressionPtr> made;
  if (node == nullptr) return made;
  if (node->kind != Node::Kind::list) problem(node->at, std::string(expected) + "; no shell splits a string");
  for (const auto& arg : node->items) made.push_back(expression(arg, Scalars::texts));
  return made;
}

/// What a program has besides its command, on this machine and in a container.
void PlanReader::files(const Node& node, Process& made) {
  if (const auto* code = node.find("code")) made.code = string(*code, "`code`");
  if (const auto* outputs = node.find("outputs"); outputs && is_map(*outputs, "`outputs`"))
    for (const auto& one : outputs->fields) made.outputs.push_back(task_output(one));
}

Environment PlanReader::environment(const Node& node) {
  Environment made{.at = node.at, .python = {}, .requirements = {}, .file = {}, .without_dependencies = {}};
  if (!map(node, "`environment`", {"python", "requirements", "without_dependencies", "indexes"})) return made;
  if (const auto* python = node.find("python")) {
    // As it is spelled: 3.10 is no number here.
    const auto* text = python->scalar.if_string();
    if (python->kind == Node::Kind::scalar) made.python = text ? *text : python->spelling;
    if (!is_python_version(made.python)) problem(python->at, "`python` should be a version such as \"3.11\"");
  }
  if (const auto* alone = node.find("without_dependencies")) {
    if (alone->kind == Node::Kind::list) {
      made.without_dependencies = required_packages(*alone, "`without_dependencies`");
      for (std::size_t i = 0; i < made.without_dependencies.size(); ++i)
        if (const auto read = read_requirement(made.without_dependencies[i]);
            read && read->kind != Requirement::Place::none && read->kind != Requirement::Place::address)
          problem(alone->items[i].at, "`without_dependencies` takes only packages, by name or address");
    } else
      problem(alone->at, "`without_dependencies` should be a list of packages");
  }
  if (const auto* indexes = node.find("indexes")) {
    if (indexes->kind == Node::Kind::list) {
      made.indexes = required_packages(*indexes, "`indexes`");
      for (std::size_t i = 0; i < made.indexes.size(); ++i)
        if (const auto read = read_requirement(made.indexes[i]);
            read && read->kind != Requirement::Place::index && read->kind != Requirement::Place::extra_index)
          problem(indexes->items[i].at, "`indexes` takes only `-i URL` and `--extra-index-url URL`");
    } else
      problem(indexes->at, "`indexes` should be a list of `-i URL` and `--extra-index-url URL`");
  }
  const auto* requirements = node.find("requirements");
  if (requirements == nullptr) {
    if (node.fields.empty())
      problem(node.at, "`environment` says neither `python` nor `requirements`; remove it, or list packages");
    return made;
  }
  if (requirements->kind != Node::Kind::list) {
    made.file = string(*requirements, "`requirements`");
    return made;
  }
  made.requirements = required_packages(*requirements, "`requirements`");
  return made;
}

std::vector<std::string> PlanReader::required_packages(const Node& list, const std::string& what) {
  std::vector<std::string> made;
  for (const auto& item : list.items) {
    made.push_back(string(item, "an element of " + what));
    const bool is_text = item.kind == Node::Kind::scalar && item.scalar.if_string() != nullptr;
    const auto read = read_requirement(made.back());
    if (!read && is_text) problem(item.at, read.error().message);
  }
  if (made.size() > requirements_max)
    problem(list.at, what + " has more than " + std::to_string(requirements_max) + " elements");
  return made;
}

TaskOutput PlanReader::task_output(const Node::Field& field) {
  TaskOutput made;
  made.name = field.key;
  made.at = field.at;
  const auto& node = *field.value;
  const auto what = "output " + in_backticks(field.key);
  name(field, "an output");
  if (!map(node, what, {"type", "kind", "form", "from", "optional"})) return made;
  made.type = type(node, field.at, what);
  const auto* form = node.find("form");
  if (made.type.kind == Type::Kind::artifact) {
    made.form = made.type.artifact_kind == "directory" ? Form::directory : Form::file;
    if (form) {
      const auto which = word(*form, "`form` of an artifact", {"file", "directory", "any"});
      made.any_form = which == 2;
      made.form = which == 1 ? Form::directory : Form::file;
    }
  } else if (form) {
    made.encoding = word(*form, "`form` of a value", {"json", "text"}) == 0 ? TaskOutput::Encoding::json
                                                                            : TaskOutput::Encoding::text;
  }
  if (const auto* from = node.find("from")) made.from = string(*from, "`from`");
  if (const auto* optional = node.find("optional")) made.optional = boolean(*optional, "`optional`");
  return made;
}

void PlanReader::branch(const Node& node, Operation& op) {
  Branch made;
  if (node.kind != Node::Kind::list) {
    problem(node.at, "`branch` should be a list of arms, each with `when` or `else`");
  } else {
    if (node.items.empty())
      problem(node.at, "`branch` has no arm; give it one with `when`, and perhaps one with `else`");
    for (const auto& item : node.items) made.arms.push_back(arm(item));
  }
  op.what = std::move(made);
}

Arm PlanReader::arm(const Node& node) {
  Arm made;
  made.at = node.at;
  made.region = std::make_unique<Region>();
  made.region->at = node.at;
  made.when = syntax::Expression::of(Value(true), node.at);  // for an arm that cannot be read
  if (!is_map(node, "an arm of `branch`")) return made;
  const auto* when = node.find("when");
  const auto* otherwise = node.find("else");
  if (!when == !otherwise) {
    problem(node.at, "an arm of `branch` has either `when` or `else`");
    return made;
  }
  made.when = when ? expression(*when) : nullptr;
  // `else: {graph: …}` contains the arm itself; an empty `else:` is a key beside the arm's own.
  const bool held = otherwise && otherwise->kind == Node::Kind::map;
  if (held) map(node, "an arm with `else: {…}`", {"else"});
  const Node& body = held ? *otherwise : node;
  if (otherwise && !held &&
      !(otherwise->kind == Node::Kind::scalar && otherwise->scalar.is_null() && !otherwise->invalid))
    problem(otherwise->at, "`else` takes no condition; write `else: {graph: …}`");
  for (const auto* key : of_steps)
    if (const auto* found = field_of(body, key)) {
      problem(found->at, "this version supports only graph regions, not `" + found->key + "`");
      return made;
    }
  const auto* raise = body.find("raise");
  const auto* graph = body.find("graph");
  if (held)
    map(body, "`else`", {"graph", "raise", "limit", "on_failure", "yield"});
  else
    map(body, "an arm of `branch`", {"when", "else", "graph", "raise", "limit", "on_failure", "yield"});
  if (!raise == !graph) {
    problem(node.at,
            "an arm of `branch` has either a `graph` or a `raise`; this version supports only graph regions");
    return made;
  }
  made.region = inner_region(graph, node.at);
  concurrency(body, *made.region);
  made.region->yield = named(body.find("yield"), "`yield`");
  if (raise) {
    Operation op;
    op.name = "raise";
    op.at = raise->at;
    op.what = Raise{expression(*raise)};
    made.region->operations.push_back(std::move(op));
  }
  return made;
}

void PlanReader::each(const Node& node, Location at, Operation& op) {
  Each made;
  made.items = expression(*node.find("each"));
  if (const auto* as = node.find("as")) made.as = string(*as, "`as`");
  if (const auto* index = node.find("index")) made.index = string(*index, "`index`");
  if (const auto* limit = node.find("limit")) made.limit = expression(*limit);
  if (const auto* failure = node.find("on_failure")) made.on_failure = on_failure(*failure);
  if (const auto* tolerate = node.find("tolerate")) {
    const auto* count = tolerate->kind == Node::Kind::scalar ? value_of(*tolerate).if_integer() : nullptr;
    const auto* share = tolerate->kind == Node::Kind::scalar ? tolerate->scalar.if_string() : nullptr;
    std::int64_t percent = -1;
    if (share && share->ends_with('%'))
      percent =
          parse_integer<std::int64_t>(std::string_view(*share).substr(0, share->size() - 1)).value_or(-1);
    if (count && *count >= 0)
      made.tolerate = *count;
    else if (percent >= 0 && percent <= 100)
      made.tolerate_percent = percent;
    else
      problem(tolerate->at, "`tolerate` should be a number of items, or a share such as \"10%\"");
  }
  const auto* graph = node.find("graph");
  if (!graph)
    problem(at, "`each` needs a `graph` to run for each item; this version supports only graph regions");
  made.region = inner_region(graph, at);
  op.what = std::move(made);
}

Retry PlanReader::retry(const Node& node) {
  Retry made;
  made.limit = syntax::Expression::of(Value(0), node.at);
  if (!map(node, "`retry`", {"limit", "backoff", "factor", "max", "within", "when"})) return made;
  if (const auto* limit = node.find("limit"))
    made.limit = expression(*limit);
  else
    problem(node.at, "`retry` needs a `limit`, the number of retries");
  if (const auto* backoff = node.find("backoff")) made.backoff_ms = duration(*backoff, "`backoff`");
  if (const auto* factor = node.find("factor")) {
    const auto value = factor->kind == Node::Kind::scalar ? value_of(*factor).as_double() : std::nullopt;
    if (value && *value >= 1)
      made.factor = *value;
    else
      problem(factor->at, "`factor` should be a number of at least 1, by which the wait grows");
  }
  if (const auto* most = node.find("max")) made.backoff_max_ms = duration(*most, "`max`");
  if (const auto* within = node.find("within")) made.within_ms = duration(*within, "`within`");
  if (const auto* when = node.find("when")) made.when = expression(*when);
  return made;
}

void PlanReader::cache(const Node& node, Cache& cache) {
  if (node.kind == Node::Kind::scalar) {
    if (const auto* flag = node.scalar.if_boolean())
      cache.enabled = *flag;
    else
      cache.enabled = word(node, "`cache`", {"on", "off"}) == 0;
    return;
  }
  if (!map(node, "`cache`", {"key", "max_age", "scope"})) return;
  if (const auto* key = node.find("key")) cache.key = expression(*key, Scalars::texts);
  if (const auto* age = node.find("max_age")) cache.max_age_ms = duration(*age, "`max_age`");
  if (const auto* scope = node.find("scope"); scope && word(*scope, "`scope`", {"workspace", "run"}) == 1)
    cache.scope = "run";
}

}  // namespace sluice::ir
