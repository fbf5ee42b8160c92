#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/base/ids.hpp"
#include "sluice/stores/git/model_meta.hpp"
#include "sluice/stores/git/objects.hpp"
#include "sluice/stores/git/packed_refs.hpp"
#include "sluice/stores/git/record.hpp"

namespace sluice::stores::git {

inline constexpr std::string_view branch_ref = "refs/heads/main";
inline constexpr std::string_view registry_ref = "refs/meta/registry";
inline constexpr std::string_view tag_prefix = "refs/tags/";
inline constexpr std::string_view alias_prefix = "refs/aliases/";
inline constexpr std::string_view deleted_prefix = "refs/deleted/";
/// Of model.json: the greatest number of a version that was purged.
inline constexpr const char* purged_field = "last_purged";

/// 12 for "v12", "refs/tags/v12" and "refs/deleted/v12"; nullopt for other names, including "v0" and "v012".
std::optional<std::int64_t> version_number(std::string_view name);
/// "v12"
std::string version_name(std::int64_t number);

/// The contents of one version's tag.
struct VersionTag {
  Oid tag;
  Oid commit;
  Record record;
};

/// A cache of tags that were read: they never change. Thread-safe.
class TagCache {
 public:
  Result<std::shared_ptr<const VersionTag>> read(const Objects& objects, const Oid& target);

 private:
  std::mutex mutex_;
  std::unordered_map<Oid, std::shared_ptr<const VersionTag>> known_;
};

/// The registry in one repository: its refs, and how a change becomes one commit on
/// refs/meta/registry. The caller holds the repository's lock while it changes anything.
class Registry {
 public:
  static Result<Registry> open(const std::filesystem::path& repository, TagCache& tags);

  /// Numbers of the existing versions, newest first.
  [[nodiscard]] std::vector<std::int64_t> numbers() const;
  /// Greater than every number ever used.
  [[nodiscard]] Result<std::int64_t> next_number() const;
  [[nodiscard]] Result<std::shared_ptr<const VersionTag>> version(std::int64_t number) const;
  [[nodiscard]] Result<Oid> tree(const VersionTag& version) const;
  /// The version that may have this effect key, or this content (`content_key`): whoever asks compares.
  /// nullopt: none of those up to `indexed()` has it, later ones may.
  [[nodiscard]] Result<std::optional<std::int64_t>> find_effect(std::string_view effect_key) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> find_content(std::string_view content) const;
  /// The last version that is in the index. Later ones were made by hand, or by an older Sluice; the next
  /// change adds them.
  [[nodiscard]] Result<std::int64_t> indexed() const;
  /// The version whose commit this is.
  [[nodiscard]] std::optional<std::int64_t> number_of_commit(const Oid& commit) const;
  /// The aliases, by their exact names, that name a version.
  [[nodiscard]] Result<std::map<std::string, std::int64_t>> aliases() const;
  [[nodiscard]] std::optional<std::int64_t> alias(std::string_view name) const;
  /// The model's exact name as model.json has it.
  [[nodiscard]] Result<std::string> model_name() const;
  /// What model.json says of the model.
  [[nodiscard]] Result<ModelMeta> model_meta() const;
  /// What changed of a version since its tag, with the changes that are still in memory.
  [[nodiscard]] Result<VersionMeta> version_meta(std::int64_t number) const;
  /// The numbers of removed versions, newest first, and what they were.
  [[nodiscard]] std::vector<std::int64_t> removed() const;
  [[nodiscard]] Result<std::shared_ptr<const VersionTag>> removed_version(std::int64_t number) const;
  /// The commits of purged versions; some may still be there, as history of versions that came later.
  [[nodiscard]] Result<std::vector<Oid>> purged() const;
  /// Every object that a ref reaches.
  [[nodiscard]] Result<std::vector<Oid>> reachable() const;

  Objects& objects() { return objects_; }
  [[nodiscard]] const Objects& objects() const { return objects_; }

  /// Who changes the registry, and when.
  struct By {
    Principal principal;
    Time at{};
  };
  // Changes: in memory until `commit`.
  void create_model(const std::string& name, const By& by, const std::string& description = {},
                    const Tags& tags = {});
  /// `wanted`: its number, which must be greater than every other; nullopt: the next one.
  Result<std::int64_t> add_version(const std::string& name, const Oid& tree, const Record& record,
                                   const By& by, std::optional<std::int64_t> wanted = {});
  Result<void> set_alias(const std::string& alias, std::int64_t number, const By& by);
  /// Does nothing if there is none of this name.
  void remove_alias(const std::string& alias, const By& by);
  void describe_model(const std::string& description, const By& by);
  /// `value` nullopt: removes the tag.
  Result<void> tag_model(const std::string& key, const std::optional<std::string>& value, const By& by);
  void rename_model(const std::string& from, const std::string& to, const By& by);
  Result<void> describe_version(std::int64_t number, const std::string& description, const By& by);
  Result<void> tag_version(std::int64_t number, const std::string& key,
                           const std::optional<std::string>& value, const By& by);
  Result<void> set_stage(std::int64_t number, const std::string& stage, const By& by);
  /// Its tag goes to refs/deleted, and its aliases vanish.
  Result<void> remove_version(std::int64_t number, const By& by);
  /// Nothing names a removed version any more; its number stays used.
  Result<void> purge_version(std::int64_t number, const By& by);
  /// Sets a ref unchanged (of an imported repository, whose objects are written already).
  void import_ref(const Ref& ref);
  void note_version(std::int64_t number, const By& by);
  /// One commit on refs/meta/registry, one pack, one rename of packed-refs: all of it, or nothing. Synced.
  Result<void> commit(const By& by);

 private:
  Registry(std::filesystem::path path, Objects objects, Refs refs, TagCache& tags)
      : path_(std::move(path)), objects_(std::move(objects)), refs_(std::move(refs)), tags_(&tags) {}
  [[nodiscard]] Result<std::vector<TreeEntry>> state_tree() const;
  [[nodiscard]] Result<Struct> model_json() const;
  [[nodiscard]] Result<std::optional<std::int64_t>> find_in(std::string_view table,
                                                            std::string_view key) const;
  Result<void> index_versions(std::span<const std::int64_t> added, std::vector<TreeEntry>& state);
  Result<void> read_version_files() const;
  Result<Oid> write_state(const By& by);
  Result<void> write_versions(std::vector<TreeEntry>& state);
  void note(std::string subject, Struct operation);

  std::filesystem::path path_;
  Objects objects_;
  Refs refs_;
  TagCache* tags_;
  mutable std::optional<Struct> model_json_;  ///< once it was read
  Struct changed_fields_;                     ///< of model.json
  std::map<std::int64_t, VersionMeta> changed_versions_;
  mutable std::optional<std::map<std::string, Oid, std::less<>>> version_files_;  ///< once it was read
  std::map<std::string, std::string> long_aliases_;  ///< new ones that `decode_name` cannot decode
  std::vector<std::string> subjects_;
  std::vector<Struct> operations_;
};

}  // namespace sluice::stores::git
