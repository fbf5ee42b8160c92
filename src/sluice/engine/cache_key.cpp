#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/engine/run.hpp"

namespace sluice::engine {
namespace {

/// The kind, form, digest and metadata of an artifact are part of a key; its name is not.
Value key_of(const Artifact& artifact) {
  Struct s;
  s.set("kind", artifact.kind);
  s.set("form", artifact.form == Form::file ? "file" : "directory");
  if (artifact.digest)
    s.set("digest", artifact.digest->hex());
  else
    s.set("unpinned", artifact.uri);
  if (artifact.metadata && !artifact.metadata->empty()) s.set("metadata", Value(*artifact.metadata));
  Struct tagged;
  tagged.set("$artifact", std::move(s));
  return tagged;
}

/// Replaces the names of declared outputs by their numbers in the plan, so that renaming one does not change
/// the key.
class Holes {
 public:
  explicit Holes(const std::vector<ir::TaskOutput>& outputs) {
    for (const auto& output : outputs) names_.push_back(output.name);
  }
  Value key_of(const Value& value) const {
    if (const auto* artifact = value.if_artifact()) return engine::key_of(*artifact);
    if (const auto* late = value.if_late()) return key_of(*late);
    if (const auto* list = value.if_list()) {
      List out;
      for (const auto& item : *list) out.push_back(key_of(item));
      return out;
    }
    if (const auto* fields = value.if_struct()) {
      Struct out;
      for (const auto& [name, field] : *fields)
        out.append(name.starts_with('$') ? "$" + name : name, key_of(field));
      return out;
    }
    return value;
  }

 private:
  [[nodiscard]] Value key_of(const Template& late) const {
    List parts;
    for (const auto& part : late.parts) {
      if (const auto* text = std::get_if<std::string>(&part)) {
        parts.emplace_back(*text);
        continue;
      }
      const auto& hole = std::get<PathPlaceholder>(part);
      Struct s;
      switch (hole.kind) {
        case PathPlaceholder::Kind::input: s.set("$input", engine::key_of(*hole.artifact)); break;
        case PathPlaceholder::Kind::output: s.set("$output", number_of(hole.output)); break;
        case PathPlaceholder::Kind::folder: s.set("$folder", true); break;
      }
      parts.emplace_back(std::move(s));
    }
    Struct tagged;
    tagged.set("$late", std::move(parts));
    return tagged;
  }
  [[nodiscard]] std::int64_t number_of(const std::string& output) const {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i] == output) return static_cast<std::int64_t>(i);
    return -1;
  }

  std::vector<std::string> names_;
};

Value key_of(const ir::TaskOutput& output, bool has_name) {
  Struct s;
  if (has_name) s.set("name", output.name);
  s.set("type", ir::print(output.type));
  s.set("form", output.any_form ? "any" : output.form == Form::file ? "file" : "directory");
  s.set("encoding", output.encoding == ir::TaskOutput::Encoding::json ? "json" : "text");
  if (!output.from.empty()) s.set("from", output.from);
  s.set("optional", output.optional);
  return s;
}

}  // namespace

Digest cache_key(const TaskSpec& work, const Value& environment, const Value& user_key,
                 std::string_view scope) {
  constexpr int key_version = 1;
  const Holes holes(work.outputs);
  Struct key;
  key.set("version", key_version);
  key.set("environment", environment);
  if (!user_key.is_null()) key.set("key", holes.key_of(user_key));
  if (!scope.empty()) key.set("scope", scope);
  key.set("work", name(work.kind));
  switch (work.kind) {
    case TaskSpec::Kind::process:
    case TaskSpec::Kind::container: {
      if (work.function) {
        key.set("function", work.function->module + ":" + work.function->function);
        key.set("with", holes.key_of(work.with));
      } else if (work.script) {
        key.set("script", *work.script);
      } else {
        key.set("argv", holes.key_of(work.argv));
      }
      if (!work.args.empty()) key.set("args", holes.key_of(work.args));
      key.set("env", holes.key_of(work.env));
      if (work.code) key.set("code", key_of(*work.code));
      key.set("hermetic", work.hermetic);
      // A result without an optional output does not tell which of them it lacks, except by their names.
      const bool has_names = std::ranges::any_of(work.outputs, &ir::TaskOutput::optional);
      List outputs;
      for (const auto& output : work.outputs) outputs.push_back(key_of(output, has_names));
      key.set("outputs", std::move(outputs));
      break;
    }
    case TaskSpec::Kind::service:
      key.set("service", work.service);
      key.set("with", holes.key_of(work.with));
      break;
  }
  return Digest::of(canonical_json(key));
}

}  // namespace sluice::engine
