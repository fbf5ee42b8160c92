#pragma once
// The files of refs/meta/registry that say what changed of a model and its versions.
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/base/value.hpp"

namespace sluice::stores::git {

using Tags = std::map<std::string, std::string>;

/// What model.json says of the model; it has other fields, too.
struct ModelMeta {
  std::string name;  ///< exactly
  std::string user;  ///< who made it
  std::string description;
  Tags tags;
  Time created{};
  Time updated{};
  Time renamed{};  ///< not set: never; every version that is older was updated then
};
ModelMeta read_model_meta(const Struct& json);

/// versions/N.json: what changed of a version since its tag.
struct VersionMeta {
  std::optional<std::string> description = {};
  std::optional<Tags> tags = {};  ///< all of them
  std::string stage = {};         ///< "": none
  Time updated{};                 ///< not set: as its tag, or as the model was renamed
  struct Deleted {
    std::string by;
    Time at{};
    std::string purged = {};  ///< its commit, since it was purged; "": it was not
  };
  std::optional<Deleted> deleted = {};
};
/// Code::data_loss if it is not what `write_version_meta` writes; `file` names it in the message.
Result<VersionMeta> read_version_meta(std::string_view text, const std::string& file);
std::string write_version_meta(const VersionMeta& meta);

Struct tags_to_json(const Tags& tags);
/// Of a field that is an object of texts; empty if it is not there.
Tags tags_from_json(const Value* json);

}  // namespace sluice::stores::git
