#include "sluice/domain/models/provenance.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "sluice/base/json.hpp"

namespace sluice::models {
namespace {

/// in-toto names a digest by its algorithm. A directory's digest is that of its canonical `Directory`
/// message, not of the bytes of a file.
Struct digest_set(const Artifact& artifact) {
  Struct out;
  out.set(artifact.form == Form::file ? "sha256" : "reapiDirectorySha256", artifact.digest->hex());
  return out;
}

Struct sha256(std::string hex) {
  Struct out;
  out.set("sha256", std::move(hex));
  return out;
}

Struct directory_digest(std::string hex) {
  Struct out;
  out.set("reapiDirectorySha256", std::move(hex));
  return out;
}

/// The artifacts in a tagged value as resource descriptors.
Result<List> descriptors(const Value* tagged) {
  List out;
  if (tagged == nullptr) return out;
  SLUICE_TRY(value, from_tagged(*tagged));
  for (const auto& [name, artifact] : artifacts_in(value)) {
    Struct entry;
    entry.set("name", name);
    if (artifact.digest)
      entry.set("digest", digest_set(artifact));
    else
      entry.set("uri", artifact.uri);
    out.emplace_back(std::move(entry));
  }
  return out;
}

/// Collects the dependencies of a version, each once.
class Dependencies {
 public:
  void add(Struct descriptor) {
    const Value* digest = descriptor.find("digest");
    if (digest == nullptr || seen_.insert(canonical_json(*digest)).second)
      list_.emplace_back(std::move(descriptor));
  }
  void add_all(const List& descriptors_of_a_value) {
    for (const auto& descriptor : descriptors_of_a_value) add(*descriptor.if_struct());
  }
  [[nodiscard]] List take() { return std::move(list_); }

 private:
  std::set<std::string> seen_;
  List list_;
};

void copy_field(const Value& from, std::string_view key, Struct& to) {
  if (const Value* value = from.find(key)) to.set(std::string(key), *value);
}

/// One task of the run as the statement records it.
Result<Struct> task_record(const Value& task) {
  Struct out;
  for (const auto* key : {"path", "kind", "service", "key"}) copy_field(task, key, out);
  if (const auto code = task.text_at("code"); !code.empty()) out.set("code", directory_digest(code));
  SLUICE_TRY(inputs, descriptors(task.find("inputs")));
  SLUICE_TRY(outputs, descriptors(task.find("outputs")));
  out.set("inputs", std::move(inputs));
  out.set("outputs", std::move(outputs));
  for (const auto* key : {"environment", "started", "ended", "cached_from"}) copy_field(task, key, out);
  return out;
}

struct Tasks {
  List records;
  Struct seeds;  ///< by task
  std::set<std::string> instruction_sets;
};

Result<Tasks> read_tasks(const Value& facts, Dependencies& dependencies) {
  Tasks out;
  const Value* tasks = facts.find("tasks");
  if (tasks == nullptr || tasks->if_list() == nullptr) return out;
  std::set<std::string> produced;  // an output of one task that another task reads is not a dependency
  for (const auto& task : *tasks->if_list()) {
    SLUICE_TRY(record, task_record(task));
    for (const auto& output : *record.find("outputs")->if_list())
      if (const Value* digest = output.find("digest")) produced.insert(canonical_json(*digest));
    for (const auto& input : *record.find("inputs")->if_list())
      if (const Value* digest = input.find("digest");
          digest == nullptr || !produced.contains(canonical_json(*digest)))
        dependencies.add(*input.if_struct());
    if (const auto code = task.text_at("code"); !code.empty()) {
      Struct entry;
      entry.set("name", "code of " + task.text_at("path"));
      entry.set("digest", directory_digest(code));
      dependencies.add(std::move(entry));
    }
    const Value* inputs = task.find("inputs");
    if (const Value* seed = inputs ? inputs->find("seed") : nullptr)
      out.seeds.set(task.text_at("path"), *seed);
    if (const Value* environment = task.find("environment"))
      if (const auto set = environment->text_at("instruction_set"); !set.empty())
        out.instruction_sets.insert(set);
    out.records.emplace_back(std::move(record));
  }
  return out;
}

Struct base_descriptor(const Value& base) {
  Struct digests;
  digests.set("gitCommit", base.text_at("commit"));
  if (const auto digest = base.text_at("digest"); !digest.empty())
    digests.set("reapiDirectorySha256", digest);
  Struct out;
  out.set("name", "base " + base.text_at("repository"));
  out.set("uri", fmt::format("git+sluice:models/{}@{}", base.text_at("repository"), base.text_at("commit")));
  out.set("digest", std::move(digests));
  return out;
}

Struct external_parameters(const Value& facts) {
  Struct plan;
  plan.set("name", facts.text_at("plan_name"));
  plan.set("digest", sha256(facts.text_at("plan_digest")));
  Struct out;
  out.set("plan", std::move(plan));
  copy_field(facts, "inputs", out);
  return out;
}

List subjects_of(const std::vector<Subject>& subjects) {
  List out;
  for (const auto& subject : subjects) {
    Struct entry;
    entry.set("name", subject.path);
    entry.set("digest", sha256(subject.digest.hex()));
    out.emplace_back(std::move(entry));
  }
  return out;
}

Struct run_details(const ProvenanceInput& input) {
  Struct version;
  version.set("sluice", input.program_version);
  Struct builder;
  builder.set("id", "urn:sluice:builder:v1");
  builder.set("version", std::move(version));
  Struct metadata;
  metadata.set("invocationId", input.run.text);
  if (const auto started = input.facts.text_at("started"); !started.empty())
    metadata.set("startedOn", started);
  metadata.set("finishedOn", to_iso8601(input.finished));
  Struct out;
  out.set("builder", std::move(builder));
  out.set("metadata", std::move(metadata));
  return out;
}

}  // namespace

std::vector<NamedArtifact> artifacts_in(const Value& value, const std::string& name) {
  std::vector<NamedArtifact> out;
  const auto append = [&](const Value& inner, const std::string& inner_name) {
    auto found = artifacts_in(inner, inner_name);
    out.insert(out.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  };
  if (const auto* artifact = value.if_artifact()) {
    out.push_back({.name = name.empty() ? artifact->name : name, .artifact = *artifact});
  } else if (const auto* fields = value.if_struct()) {
    for (const auto& [key, inner] : *fields)
      append(inner, name.empty() ? key : fmt::format("{}.{}", name, key));
  } else if (const auto* items = value.if_list()) {
    for (std::size_t i = 0; i < items->size(); ++i) append((*items)[i], fmt::format("{}[{}]", name, i));
  } else if (const auto* late = value.if_late()) {
    for (const auto& part : late->parts)
      if (const auto* hole = std::get_if<PathPlaceholder>(&part); hole && hole->artifact)
        out.push_back({.name = name, .artifact = *hole->artifact});
  }
  return out;
}

Result<Value> provenance_statement(const ProvenanceInput& input) {
  Dependencies dependencies;
  SLUICE_TRY(run_inputs, descriptors(input.facts.find("inputs")));
  dependencies.add_all(run_inputs);
  if (input.base.is_struct()) dependencies.add(base_descriptor(input.base));
  SLUICE_TRY(tasks, read_tasks(input.facts, dependencies));

  Struct internal;
  internal.set("seeds", std::move(tasks.seeds));
  internal.set("instructionSets", List(tasks.instruction_sets.begin(), tasks.instruction_sets.end()));
  internal.set("tasks", std::move(tasks.records));
  Struct definition;
  definition.set("buildType", "urn:sluice:pipeline-run:v1");
  definition.set("externalParameters", external_parameters(input.facts));
  definition.set("internalParameters", std::move(internal));
  definition.set("resolvedDependencies", dependencies.take());
  Struct predicate;
  predicate.set("buildDefinition", std::move(definition));
  predicate.set("runDetails", run_details(input));
  Struct statement;
  statement.set("_type", "https://in-toto.io/Statement/v1");
  statement.set("subject", subjects_of(input.subjects));
  statement.set("predicateType", "https://slsa.dev/provenance/v1");
  statement.set("predicate", std::move(predicate));
  return statement;
}

}  // namespace sluice::models
