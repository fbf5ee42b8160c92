// Changes of a registry: in memory, until they are committed together.
#include "sluice/ports/model_registry.hpp"
#include "sluice/stores/git/names.hpp"
#include "sluice/stores/git/registry.hpp"

namespace sluice::stores::git {
namespace {

Struct operation(std::string_view op, const Registry::By& by) {
  Struct out;
  out.set("op", op);
  out.set("by", by.principal.name);
  out.set("at_ms", by.at.time_since_epoch().count());
  return out;
}

}  // namespace

void Registry::note(std::string subject, Struct operation) {
  subjects_.push_back(std::move(subject));
  operations_.push_back(std::move(operation));
}

void Registry::create_model(const std::string& name, const By& by, const std::string& description,
                            const Tags& tags) {
  changed_fields_.set("name", name);
  changed_fields_.set("description", description);
  changed_fields_.set("tags", tags_to_json(tags));
  changed_fields_.set("created_ms", by.at.time_since_epoch().count());
  changed_fields_.set("user", by.principal.name);
  auto op = operation("create", by);
  op.set("name", name);
  note("model " + subject_of(name), std::move(op));
}

void Registry::describe_model(const std::string& description, const By& by) {
  changed_fields_.set("description", description);
  note("describe model", operation("describe", by));
}

Result<void> Registry::tag_model(const std::string& key, const std::optional<std::string>& value,
                                 const By& by) {
  SLUICE_TRY(meta, model_meta());
  if (value)
    meta.tags.insert_or_assign(key, *value);
  else
    meta.tags.erase(key);
  changed_fields_.set("tags", tags_to_json(meta.tags));
  auto op = operation(value ? "tag" : "untag", by);
  op.set("key", key);
  note((value ? "tag " : "untag ") + subject_of(key), std::move(op));
  return {};
}

void Registry::rename_model(const std::string& from, const std::string& to, const By& by) {
  changed_fields_.set("name", to);
  changed_fields_.set("renamed_ms", by.at.time_since_epoch().count());
  auto op = operation("rename", by);
  op.set("from", from);
  op.set("to", to);
  note("rename " + subject_of(from) + " -> " + subject_of(to), std::move(op));
}

Result<void> Registry::describe_version(std::int64_t number, const std::string& description, const By& by) {
  SLUICE_TRY(meta, version_meta(number));
  meta.description = description;
  meta.updated = by.at;
  changed_versions_[number] = std::move(meta);
  auto op = operation("describe_version", by);
  op.set("version", version_name(number));
  note("describe " + version_name(number), std::move(op));
  return {};
}

Result<void> Registry::tag_version(std::int64_t number, const std::string& key,
                                   const std::optional<std::string>& value, const By& by) {
  SLUICE_TRY(meta, version_meta(number));
  if (!meta.tags) {
    SLUICE_TRY(tag, version(number));
    meta.tags = tag->record.tags;
  }
  if (value)
    meta.tags->insert_or_assign(key, *value);
  else
    meta.tags->erase(key);
  changed_versions_[number] = std::move(meta);
  auto op = operation(value ? "tag_version" : "untag_version", by);
  op.set("version", version_name(number));
  op.set("key", key);
  note((value ? "tag " : "untag ") + version_name(number) + " " + subject_of(key), std::move(op));
  return {};
}

Result<void> Registry::set_stage(std::int64_t number, const std::string& stage, const By& by) {
  SLUICE_TRY(meta, version_meta(number));
  const auto from = meta.stage.empty() ? std::string(ports::no_stage) : meta.stage;
  meta.stage = stage == ports::no_stage ? "" : stage;
  meta.updated = by.at;
  changed_versions_[number] = std::move(meta);
  auto op = operation("stage", by);
  op.set("version", version_name(number));
  op.set("from", from);
  op.set("to", stage);
  note("stage " + version_name(number) + " " + from + " -> " + stage, std::move(op));
  return {};
}

Result<void> Registry::remove_version(std::int64_t number, const By& by) {
  const auto tag_name = std::string(tag_prefix) + version_name(number);
  const auto tag = refs_.find(tag_name);
  SLUICE_CHECK(tag);
  const Oid target(tag->target);
  const Oid peeled(tag->peeled);
  SLUICE_TRY(named_by, aliases());
  for (const auto& [name, of] : named_by)
    if (of == number) remove_alias(name, by);
  refs_.set({.name = std::string(deleted_prefix) + version_name(number), .target = target, .peeled = peeled});
  refs_.remove(tag_name);
  // A clone checks out the newest version that there is.
  if (const auto branch = refs_.find(branch_ref); branch && branch->target == peeled) {
    const auto left = numbers();
    if (left.empty()) {
      refs_.remove(branch_ref);
    } else {
      SLUICE_TRY(newest, version(left.front()));
      refs_.set({.name = branch_ref, .target = newest->commit, .peeled = ""});
    }
  }
  changed_versions_[number] =
      VersionMeta{.deleted = VersionMeta::Deleted{.by = by.principal.name, .at = by.at}};
  auto op = operation("delete_version", by);
  op.set("version", version_name(number));
  note("delete " + version_name(number), std::move(op));
  return {};
}

Result<void> Registry::purge_version(std::int64_t number, const By& by) {
  const auto name = std::string(deleted_prefix) + version_name(number);
  const auto tag = refs_.find(name);
  SLUICE_CHECK(tag);
  SLUICE_TRY(meta, version_meta(number));
  if (!meta.deleted) meta.deleted = VersionMeta::Deleted{.by = by.principal.name, .at = by.at};
  meta.deleted->purged = Oid(tag->peeled.empty() ? tag->target : tag->peeled);
  changed_versions_[number] = std::move(meta);
  refs_.remove(name);
  SLUICE_TRY(json, model_json());
  changed_fields_.set(purged_field, std::max(Value(json).integer_at(purged_field), number));
  auto op = operation("purge_version", by);
  op.set("version", version_name(number));
  note("purge " + version_name(number), std::move(op));
  return {};
}

void Registry::remove_alias(const std::string& alias_name, const By& by) {
  const auto from = alias(alias_name);
  const auto ref = std::string(alias_prefix) + encode_name(alias_name);
  if (!refs_.find(ref)) return;
  refs_.remove(ref);
  auto op = operation("alias", by);
  op.set("alias", alias_name);
  op.set("from", from ? Value(version_name(*from)) : Value());
  op.set("to", Value());
  note("alias " + subject_of(alias_name) + (from ? " " + version_name(*from) : "") + " -> none",
       std::move(op));
}

Result<std::int64_t> Registry::add_version(const std::string& name, const Oid& tree, const Record& record,
                                           const By& by, std::optional<std::int64_t> wanted) {
  SLUICE_TRY(next, next_number());
  const auto number = wanted.value_or(next);
  if (number < next)
    return Fail(user_error(Code::already_exists, "model `" + subject_of(name) + "` has, or had, a version " +
                                                     version_name(number) + " or later ones"));
  const auto who = identity_of(by.principal);
  Commit commit{.tree = tree,
                .parents = {},
                .author = who,
                .at = by.at,
                .message = subject_of(name) + " " + version_name(number) + "\n"};
  if (const auto found = refs_.find(branch_ref)) commit.parents.emplace_back(found->target);
  if (const auto text = message_text(record.description); !text.empty()) commit.message += "\n" + text + "\n";
  SLUICE_TRY(commit_oid, objects_.write(Objects::Kind::commit, format_commit(commit)));
  const Tag tag{.target = commit_oid,
                .name = version_name(number),
                .tagger = who,
                .at = by.at,
                .message = tag_message(name, number, record)};
  SLUICE_TRY(tag_oid, objects_.write(Objects::Kind::tag, format_tag(tag)));
  refs_.set({.name = branch_ref, .target = commit_oid, .peeled = ""});
  refs_.set(
      {.name = std::string(tag_prefix) + version_name(number), .target = tag_oid, .peeled = commit_oid});
  note_version(number, by);
  return number;
}

void Registry::note_version(std::int64_t number, const By& by) {
  auto op = operation("version", by);
  op.set("version", version_name(number));
  operations_.push_back(std::move(op));
  subjects_.push_back("version " + version_name(number));
}

Result<void> Registry::set_alias(const std::string& alias_name, std::int64_t number, const By& by) {
  const auto from = alias(alias_name);
  const auto encoded = encode_name(alias_name);
  if (!decode_name(encoded)) long_aliases_[encoded] = alias_name;
  const auto tag = refs_.find(std::string(tag_prefix) + version_name(number));
  SLUICE_CHECK(tag);
  refs_.set({.name = std::string(alias_prefix) + encoded, .target = tag->target, .peeled = tag->peeled});
  auto op = operation("alias", by);
  op.set("alias", alias_name);
  op.set("from", from ? Value(version_name(*from)) : Value());
  op.set("to", version_name(number));
  operations_.push_back(std::move(op));
  subjects_.push_back("alias " + subject_of(alias_name) + (from ? " " + version_name(*from) : "") + " -> " +
                      version_name(number));
  return {};
}

void Registry::import_ref(const Ref& ref) {
  refs_.set(ref);
  model_json_.reset();
}

}  // namespace sluice::stores::git
