#include "sluice/domain/models/register_service.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/models/card.hpp"
#include "sluice/domain/models/content.hpp"
#include "sluice/domain/models/front_matter.hpp"

namespace sluice::models {
namespace {

// The fields of a training summary that a card shows: choices and quality measures. Counts, timings and what
// model.json already states are omitted.
constexpr std::array<std::string_view, 7> training_shown{
    "learned", "seed", "folds", "l2", "cross_validated_accuracy", "strangers_rejected", "keep"};

constexpr std::string_view unknown_license = "unknown";

std::optional<std::string> model_name_problem(std::string_view name) {
  constexpr std::size_t name_bytes_max = 1000;
  const auto refuse = [&](std::string_view why) {
    return fmt::format("`{}` is not a valid model name: {}", name.substr(0, name_bytes_max), why);
  };
  if (name.empty()) return refuse("a name needs at least one character");
  if (name.size() > name_bytes_max) return refuse("it is longer than 1,000 bytes");
  if (!is_utf8(name)) return refuse("it is not UTF-8");
  if (name.find_first_of("/:@") != std::string_view::npos)  // `NAME@VERSION` names a version
    return refuse("`/`, `:` and `@` are not allowed; use `-` instead");
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return refuse("control characters are not allowed");
  return std::nullopt;
}

Struct struct_of(const Struct& with, std::string_view name) {
  const Value* value = with.find(name);
  return value && value->if_struct() ? *value->if_struct() : Struct{};
}

const Artifact* artifact_of(const Struct& with, std::string_view name) {
  const Value* value = with.find(name);
  return value ? value->if_artifact() : nullptr;
}

/// The artifacts among the run's inputs.
Result<std::vector<CardData>> data_of_run(const Value& facts) {
  std::vector<CardData> out;
  const Value* inputs = facts.find("inputs");
  if (inputs == nullptr) return out;
  SLUICE_TRY(values, from_tagged(*inputs));
  for (const auto& [name, artifact] : artifacts_in(values))
    if (artifact.digest) out.push_back({.name = name, .digest = artifact.digest->hex()});
  return out;
}

Value base_reference(const CardFacts& card) {
  if (card.base_repository.empty()) return {};
  Struct out;
  out.set("repository", card.base_repository);
  out.set("commit", card.base_commit);
  out.set("digest", card.base_digest);
  return out;
}

}  // namespace

const ir::Signature& RegisterService::declared() {
  using Kind = ir::Type::Kind;
  static const ir::Signature signature{
      .name = "model.register",
      .version = "1.0.0",
      .effect = ir::Effect::idempotent,
      .inputs = {{.name = "model", .type = {.kind = Kind::artifact, .artifact_kind = "model"}},
                 {.name = "name", .type = {.kind = Kind::string}, .name_problem = model_name_problem},
                 {.name = "report",
                  .type = {.kind = Kind::artifact, .artifact_kind = "directory"},
                  .optional = true},
                 {.name = "metrics", .type = {.kind = Kind::structure}, .optional = true},
                 {.name = "training", .type = {.kind = Kind::structure}, .optional = true}},
      .outputs = {{.name = "name", .type = {.kind = Kind::string}},
                  {.name = "version", .type = {.kind = Kind::integer}},
                  {.name = "tag", .type = {.kind = Kind::string}},
                  {.name = "commit", .type = {.kind = Kind::string}},
                  {.name = "created", .type = {.kind = Kind::boolean}}}};
  return signature;
}

const ir::Signature& RegisterService::signature() const { return declared(); }

Result<Value> RegisterService::environment(const Struct& /*with*/) const { return Struct{}; }

Result<std::optional<ports::ModelVersion>> RegisterService::base_of(const std::string& workspace,
                                                                    const CardFacts& card) const {
  if (card.base_repository.empty()) return std::nullopt;
  if (auto found = repositories_.find_commit(workspace, card.base_repository, card.base_commit);
      found && *found)
    return std::move(*found);
  return Fail(user_error(Code::failed_precondition,
                         fmt::format("the base model `{}` at commit {} is not in this data folder, but its "
                                     "card states the license that "
                                     "applies to this one; import it first",
                                     card.base_repository, card.base_commit.substr(0, 12))));
}

Result<std::string> RegisterService::license_of(const std::string& workspace,
                                                const ports::ModelVersion& base) const {
  const auto text = repositories_.read(workspace, base, "README.md");
  if (!text) return std::string(unknown_license);
  SLUICE_TRY(metadata,
             read_front_matter(*text, fmt::format("README.md of `{}` v{}", base.model, base.number)));
  return metadata.text_at("license", unknown_license);
}

Result<Struct> RegisterService::run(const ports::ServiceCall& call) {
  const std::string name = Value(call.with).text_at("name");
  if (auto problem = model_name_problem(name))
    return Fail(user_error(Code::invalid_argument, std::move(*problem)));
  const Artifact* model = artifact_of(call.with, "model");
  SLUICE_CHECK(model != nullptr);

  Content content(objects_, call.scratch / "content");
  SLUICE_DO(content.begin_with(*model));
  if (!content.has("model.json")) {
    return Fail(
        user_error(Code::invalid_argument, "`model` has no model.json; give the model of head.learn"));
  }
  if (const Artifact* report = artifact_of(call.with, "report")) SLUICE_DO(content.add(*report, "report"));

  SLUICE_TRY(description, content.read("model.json"));
  SLUICE_TRY(card, read_model_json(description));
  SLUICE_TRY(base, base_of(call.principal.workspace, card));
  card.license = unknown_license;
  if (base) {
    SLUICE_TRY(license, license_of(call.principal.workspace, *base));
    card.license = std::move(license);
    SLUICE_TRY(base_files, repositories_.as_artifact(call.principal.workspace, *base));
    SLUICE_DO(try_head_(base_files, *model, call.cancel));
  }
  SLUICE_TRY(facts, facts_.facts(call.run));
  SLUICE_TRY(data, data_of_run(facts));
  card.name = name;
  card.data = std::move(data);
  card.metrics = struct_of(call.with, "metrics");
  const Struct training = struct_of(call.with, "training");
  for (const auto key : training_shown)
    if (const Value* value = training.find(key)) card.training.set(std::string(key), *value);
  card.has_confusion_picture = content.has("confusion.svg");
  SLUICE_DO(content.write("README.md", write_card(card)));

  const Time now = clock_.now();
  SLUICE_TRY(subjects, content.subjects());
  SLUICE_TRY(statement, provenance_statement({.run = call.run,
                                              .facts = facts,
                                              .subjects = std::move(subjects),
                                              .base = base_reference(card),
                                              .program_version = SLUICE_VERSION,
                                              .finished = now}));
  SLUICE_DO(content.write("provenance.json", to_json(statement, JsonStyle::pretty) + "\n"));

  SLUICE_TRY(registered,
             repositories_.add_version({.model = name,
                                        .principal = call.principal,
                                        .content = content.folder(),
                                        .description = brief(card),
                                        .run_id = call.run.text,
                                        .source = fmt::format("run {}, {}", call.run.text, call.path),
                                        .effect_key = call.effect_key,
                                        .at = now}));
  Struct outputs;
  outputs.set("name", registered.version.model);
  outputs.set("version", registered.version.number);
  outputs.set("tag", fmt::format("v{}", registered.version.number));
  outputs.set("commit", registered.version.commit);
  outputs.set("created", registered.created);
  return outputs;
}

}  // namespace sluice::models
