#include "sluice/stores/git/model_meta.hpp"

#include "sluice/base/json.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{64} << 20;

Time time_at(const Value& json, std::string_view field) { return Time(Milliseconds(json.integer_at(field))); }

}  // namespace

Struct tags_to_json(const Tags& tags) {
  Struct out;
  for (const auto& [key, value] : tags) out.append(key, value);
  return out;
}

Tags tags_from_json(const Value* json) {
  Tags out;
  if (json == nullptr || !json->is_struct()) return out;
  for (const auto& [key, value] : *json->if_struct())
    if (const auto* text = value.if_string()) out.insert_or_assign(key, *text);
  return out;
}

ModelMeta read_model_meta(const Struct& fields) {
  const Value json(fields);
  return {.name = json.text_at("name"),
          .user = json.text_at("user"),
          .description = json.text_at("description"),
          .tags = tags_from_json(json.find("tags")),
          .created = time_at(json, "created_ms"),
          .updated = time_at(json, "updated_ms"),
          .renamed = time_at(json, "renamed_ms")};
}

Result<VersionMeta> read_version_meta(std::string_view text, const std::string& file) {
  auto json = parse_json(text, file, {.bytes_max = file_bytes_max});
  if (!json || !json->is_struct())
    return Fail(environment_error(Code::data_loss, file + ": not the record of a version"));
  VersionMeta meta;
  if (json->find("description") != nullptr) meta.description = json->text_at("description");
  if (const auto* tags = json->find("tags")) meta.tags = tags_from_json(tags);
  meta.stage = json->text_at("stage");
  meta.updated = time_at(*json, "updated_ms");
  if (const auto* deleted = json->find("deleted"))
    meta.deleted = VersionMeta::Deleted{
        .by = deleted->text_at("by"), .at = time_at(*deleted, "at_ms"), .purged = deleted->text_at("purged")};
  return meta;
}

std::string write_version_meta(const VersionMeta& meta) {
  Struct json;
  if (meta.description) json.append("description", *meta.description);
  if (meta.tags) json.append("tags", tags_to_json(*meta.tags));
  if (!meta.stage.empty()) json.append("stage", meta.stage);
  if (meta.updated != Time{}) json.append("updated_ms", meta.updated.time_since_epoch().count());
  if (meta.deleted) {
    Struct deleted;
    deleted.append("by", meta.deleted->by);
    deleted.append("at_ms", meta.deleted->at.time_since_epoch().count());
    if (!meta.deleted->purged.empty()) deleted.append("purged", meta.deleted->purged);
    json.append("deleted", std::move(deleted));
  }
  return to_json(Value(std::move(json)), JsonStyle::pretty) + "\n";
}

}  // namespace sluice::stores::git
