#include "sluice/base/json.hpp"
#include "sluice/frontends/kubeflow/spec_reader.hpp"

namespace sluice::frontends::kubeflow {

Task SpecReader::task(const Node::Field& field) {
  Task made;
  made.name = field.key;
  made.at = field.at;
  const auto what = "task `" + field.key + "`";
  MapReader map(field.value.get(), what, problems_);
  MapReader info(map.any("taskInfo"), "`taskInfo` of " + what, problems_);
  made.title = info.text("name");
  info.end();
  MapReader component(map.any("componentRef"), "`componentRef` of " + what, problems_);
  made.component = component.text("name");
  made.component_at = component.place("name");
  component.end();
  if (made.component.empty()) problems_.add(field.at, what + " names no component");
  MapReader inputs(map.any("inputs"), "the inputs of " + what, problems_);
  for (const auto& one : inputs.map("parameters")) made.parameters.push_back(parameter_argument(one, what));
  for (const auto& one : inputs.map("artifacts")) made.artifacts.push_back(artifact_argument(one, what));
  inputs.end();
  for (const auto& item : map.list("dependentTasks")) {
    const auto* name = item.scalar.if_string();
    if (name != nullptr)
      made.dependencies.emplace_back(*name, item.at);
    else
      problems_.add(item.at, "`dependentTasks` of " + what + " should be a list of names");
  }
  MapReader caching(map.any("cachingOptions"), "`cachingOptions` of " + what, problems_);
  made.caches = caching.flag("enableCache");
  made.cache_key = caching.text("cacheKey");
  caching.end();
  MapReader trigger(map.any("triggerPolicy"), "`triggerPolicy` of " + what, problems_);
  made.condition = trigger.text("condition");
  made.condition_at = trigger.place("condition");
  const auto strategy = trigger.text("strategy");
  made.runs_after_failure = strategy == "ALL_UPSTREAM_TASKS_COMPLETED";
  if (!strategy.empty() && strategy != "ALL_UPSTREAM_TASKS_SUCCEEDED" && !made.runs_after_failure)
    problems_.add(trigger.place("strategy"), "unknown strategy `" + strategy.substr(0, 60) +
                                                 "`; there are ALL_UPSTREAM_TASKS_SUCCEEDED and "
                                                 "ALL_UPSTREAM_TASKS_COMPLETED");
  trigger.end();
  const auto* over_parameter = map.any("parameterIterator");
  const auto* over_artifact = map.any("artifactIterator");
  if (over_parameter != nullptr) made.iterator = iterator(*over_parameter, what, false);
  if (over_artifact != nullptr) made.iterator = iterator(*over_artifact, what, true);
  if (over_parameter != nullptr && over_artifact != nullptr)
    problems_.add(over_artifact->at,
                  what + " loops over a parameter and over artifacts; it can do one of them");
  MapReader policy(map.any("iteratorPolicy"), "`iteratorPolicy` of " + what, problems_);
  const auto parallelism = policy.integer("parallelismLimit");
  if (made.iterator && parallelism) made.iterator->parallelism = *parallelism;
  policy.end();
  if (const auto* node = map.any("retryPolicy")) {
    MapReader retry(node, "`retryPolicy` of " + what, problems_);
    RetryPolicy& to = made.retry.emplace();
    to.at = node->at;
    to.count = retry.integer("maxRetryCount").value_or(0);
    to.backoff_ms = retry.duration("backoffDuration").value_or(0);
    to.factor = retry.number("backoffFactor").value_or(2);
    to.backoff_max_ms = retry.duration("backoffMaxDuration").value_or(0);
    retry.end();
  }
  map.end();
  return made;
}

Argument SpecReader::parameter_argument(const Node::Field& field, const std::string& what) {
  Argument made;
  made.name = field.key;
  made.at = field.at;
  const auto title = "parameter `" + field.key + "` of " + what;
  MapReader map(field.value.get(), title, problems_);
  int sources = 0;
  if (const auto* node = map.any("taskOutputParameter")) {
    ++sources;
    MapReader from(node, title, problems_);
    made.source = Argument::Source::task_output;
    made.producer = from.text("producerTask");
    made.key = from.text("outputParameterKey");
    made.at = from.place("producerTask");
    from.end();
  }
  if (const auto* node = map.any("runtimeValue")) {
    ++sources;
    MapReader from(node, title, problems_);
    made.source = Argument::Source::constant;
    if (const auto* constant = from.any("constant"))
      made.constant = constant->to_value();
    else
      problems_.add(node->at, title + " has no `constant`");
    made.at = from.place("constant");
    from.end();
  }
  if (map.any("componentInputParameter") != nullptr) {
    ++sources;
    made.source = Argument::Source::component_input;
    made.key = map.text("componentInputParameter");
    made.at = map.place("componentInputParameter");
  }
  if (const auto* node = map.any("taskFinalStatus")) {
    ++sources;
    MapReader from(node, title, problems_);
    made.source = Argument::Source::final_status;
    made.producer = from.text("producerTask");
    made.at = from.place("producerTask");
    from.end();
  }
  made.selector = map.text("parameterExpressionSelector");
  made.selector_at = map.place("parameterExpressionSelector");
  map.end();
  if (sources != 1)
    problems_.add(field.at, title +
                                " needs one of taskOutputParameter, runtimeValue, componentInputParameter, "
                                "taskFinalStatus");
  return made;
}

Argument SpecReader::artifact_argument(const Node::Field& field, const std::string& what) {
  Argument made;
  made.name = field.key;
  made.at = field.at;
  const auto title = "artifact `" + field.key + "` of " + what;
  MapReader map(field.value.get(), title, problems_);
  if (const auto* node = map.any("taskOutputArtifact")) {
    MapReader from(node, title, problems_);
    made.source = Argument::Source::task_output;
    made.producer = from.text("producerTask");
    made.key = from.text("outputArtifactKey");
    made.at = from.place("producerTask");
    from.end();
  } else if (map.any("componentInputArtifact") != nullptr) {
    made.source = Argument::Source::component_input;
    made.key = map.text("componentInputArtifact");
    made.at = map.place("componentInputArtifact");
  } else {
    problems_.add(field.at, title + " needs one of taskOutputArtifact, componentInputArtifact");
  }
  map.end();
  return made;
}

Iterator SpecReader::iterator(const Node& node, const std::string& what, bool of_artifacts) {
  Iterator made;
  made.at = node.at;
  made.of_artifacts = of_artifacts;
  MapReader map(&node, "the loop of " + what, problems_);
  made.item = map.text("itemInput");
  MapReader items(map.any("items"), "the `items` of " + what, problems_);
  made.items_input = items.text(of_artifacts ? "inputArtifact" : "inputParameter");
  if (!of_artifacts && items.any("raw") != nullptr) {
    const auto raw = parse_json(items.text("raw"));
    const auto* list = raw ? raw->if_list() : nullptr;
    if (list != nullptr)
      made.items = *with_integers(Value(*list)).if_list();
    else
      problems_.add(items.place("raw"), "`raw` of " + what + " should be a list in JSON");
  }
  items.end();
  map.end();
  if (made.item.empty() || made.items_input.empty() == !made.items)
    problems_.add(node.at, "the loop of " + what + " needs an `itemInput`, and `items` of one kind");
  return made;
}

}  // namespace sluice::frontends::kubeflow
