#include <array>

#include "sluice/frontends/kubeflow/spec_reader.hpp"

namespace sluice::frontends::kubeflow {

void SpecReader::platforms(const Node& node, Spec& spec) {
  MapReader map(&node, "the second document", problems_);
  for (const auto& field : map.map("platforms")) {
    if (field.key == "kubernetes")
      kubernetes(field, spec);
    else
      problems_.add(field.at, "unknown platform `" + field.key + "`; there is `kubernetes`");
  }
  map.end();
}

void SpecReader::kubernetes(const Node::Field& field, Spec& spec) {
  MapReader map(field.value.get(), "`kubernetes`", problems_);
  MapReader deployment(map.any("deploymentSpec"), "`deploymentSpec` of `kubernetes`", problems_);
  for (const auto& one : deployment.map("executors")) {
    const auto what = "executor `" + one.key + "`";
    const auto found = spec.executor_index.find(one.key);
    if (found == spec.executor_index.end()) {
      problems_.add(one.at, "`kubernetes` configures the unknown " + what);
      continue;
    }
    auto* container = std::get_if<Container>(&spec.executors[found->second].what);
    if (container == nullptr) continue;
    MapReader config(one.value.get(), what, problems_);
    of_executor(config, what, *container);
    config.end();
  }
  deployment.end();
  MapReader pipeline(map.any("pipelineConfig"), "`pipelineConfig`", problems_);
  if (const auto* workspace = pipeline.any("workspace")) {
    // Its size is that of a volume; here it counts to the quota of the server.
    MapReader fields(workspace, "`workspace`", problems_);
    fields.ignore({"size", "kubernetes"});
    fields.end();
    spec.has_workspace = true;
  }
  for (const auto* key : {"resourceTtlOnCompletion", "resourceTtlOnSuccess", "resourceTtlOnFailure"})
    if (pipeline.any(key) != nullptr)
      warnings_.add(pipeline.place(key),
                    "`" + std::string(key) +
                        "` is about pods and is not used; `sluice up` says how long runs are kept");
  if (pipeline.any("activeDeadlineSeconds") != nullptr)
    problems_.add(pipeline.place("activeDeadlineSeconds"),
                  "a deadline of the whole pipeline is not supported; set one for its tasks");
  pipeline.end();
  map.end();
}

void SpecReader::of_executor(MapReader& map, const std::string& what, Container& container) {
  secret_variables(map, what, container);
  container.deadline_s = map.integer("activeDeadlineSeconds").value_or(0);
  // What only a pod has, and what a task that does not need it does not miss …
  for (const auto* key : {"nodeSelector", "podMetadata", "tolerations", "nodeAffinity", "podAffinity",
                          "imagePullSecret", "imagePullPolicy", "securityContext", "enabledSharedMemory"})
    if (const auto* node = map.any(key)) {
      warnings_.add(node->at,
                    "`" + std::string(key) + "` of " + what + " is for Kubernetes, and not used here");
      container.kubernetes.set(key, with_integers(node->to_value()));
    }
  // … and what it would find missing.
  for (const auto* key : {"secretAsVolume", "pvcMount", "configMapAsVolume", "configMapAsEnv",
                          "fieldPathAsEnv", "genericEphemeralVolume", "emptyDirMounts"})
    if (const auto* node = map.any(key)) {
      warnings_.add(node->at, "`" + std::string(key) + "` of " + what +
                                  " is for Kubernetes: the task will not find it here");
      container.kubernetes.set(key, with_integers(node->to_value()));
    }
}

void SpecReader::secret_variables(MapReader& map, const std::string& what, Container& container) {
  for (const auto& item : map.list("secretAsEnv")) {
    MapReader secret(&item, "a secret of " + what, problems_);
    auto name = secret.text("secretName");
    MapReader given(secret.any("secretNameParameter"), "the secret of " + what, problems_);
    if (const auto* node = given.any("runtimeValue"))
      if (const auto* constant = node->find("constant"))
        if (const auto* text = constant->scalar.if_string()) name = *text;
    given.ignore({"componentInputParameter", "taskOutputParameter"});
    if (name.empty())
      problems_.add(item.at, "the name of a secret of " + what + " has to be known before the run");
    given.end();
    const bool optional = secret.flag("optional");
    const auto of_secret = std::string("a key of the secret `").append(name).append("`");
    for (const auto& pair : secret.list("keyToEnv")) {
      MapReader key(&pair, of_secret, problems_);
      container.secrets.push_back({.name = key.text("envVar"),
                                   .secret = name,
                                   .key = key.text("secretKey"),
                                   .optional = optional,
                                   .at = pair.at});
      key.end();
    }
    secret.end();
  }
}

}  // namespace sluice::frontends::kubeflow
