#include "sluice/domain/ai/dataset_split.hpp"

#include "sluice/base/json.hpp"
#include "sluice/domain/ai/arguments.hpp"
#include "sluice/domain/ai/split.hpp"
#include "sluice/domain/ai/split_warnings.hpp"

namespace sluice::ai {
namespace {

constexpr std::int64_t learn_default = 5;

}  // namespace

const ir::Signature& DatasetSplit::declared() {
  using Kind = ir::Type::Kind;
  const auto text = std::make_shared<const ir::Type>(ir::Type{.kind = Kind::string});
  static const ir::Signature signature{
      .name = "dataset.split",
      .version = "1.1.0",
      .inputs = {{.name = "pictures", .type = {.kind = Kind::artifact, .artifact_kind = "directory"}},
                 {.name = "learn", .type = {.kind = Kind::integer}, .optional = true},
                 {.name = "seed", .type = {.kind = Kind::integer}, .optional = true}},
      .outputs = {{.name = "split", .type = {.kind = Kind::artifact, .artifact_kind = "split"}},
                  {.name = "classes", .type = {.kind = Kind::list, .element = text}},
                  {.name = "learned", .type = {.kind = Kind::integer}},
                  {.name = "held_out", .type = {.kind = Kind::integer}},
                  {.name = "warnings", .type = {.kind = Kind::list, .element = text}, .optional = true}}};
  return signature;
}

const ir::Signature& DatasetSplit::signature() const { return declared(); }

Result<Value> DatasetSplit::environment(const Struct& /*with*/) const { return Struct{}; }

Result<void> DatasetSplit::check(const Struct& known) const {
  SLUICE_DO(check_learn(integer_of(known, "learn", learn_default)));
  if (known.find("pictures")) SLUICE_DO(pictures_of(known));
  return {};
}

Result<std::vector<LabeledPicture>> DatasetSplit::pictures_of(const Struct& with) const {
  SLUICE_TRY(folder, picture_folder(objects_, artifact_of(with, "pictures"), "pictures"));
  return labeled_pictures(folder);
}

Result<Struct> DatasetSplit::run(const ports::ServiceCall& call) {
  const auto learn = integer_of(call.with, "learn", learn_default);
  SLUICE_DO(check_learn(learn));
  SLUICE_TRY(pictures, pictures_of(call.with));
  const auto split = draw_split(pictures, learn, integer_of(call.with, "seed", 7));
  SLUICE_TRY(stored, objects_.put(to_json(to_json_value(split), JsonStyle::pretty) + "\n"));

  Struct outputs;
  outputs.set("split",
              Artifact{.kind = "split", .digest = stored.digest, .size = stored.size, .name = "split.json"});
  outputs.set("classes", List(split.classes.begin(), split.classes.end()));
  outputs.set("learned", static_cast<std::int64_t>(split.learned.size()));
  outputs.set("held_out", static_cast<std::int64_t>(split.held_out.size()));
  if (auto warnings = warnings_of(split); !warnings.empty())
    outputs.set("warnings", List(warnings.begin(), warnings.end()));
  return outputs;
}

}  // namespace sluice::ai
