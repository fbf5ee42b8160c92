#include "sluice/stores/git/registry.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <unordered_set>

#include "sluice/base/json.hpp"
#include "sluice/ports/model_registry.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/stores/git/content.hpp"
#include "sluice/stores/git/names.hpp"
#include "sluice/stores/git/version_index.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::size_t cached_tags_max = 10'000;
constexpr const char* state_file = "model.json";
constexpr std::string_view versions_folder = "versions";  ///< N.json for each version that was changed
/// What moves the time of the model's update, as in MLflow: not aliases, nor tags, nor texts of versions.
constexpr auto updates =
    std::to_array<std::string_view>({"create", "version", "delete_version", "stage", "describe", "rename"});
constexpr std::string_view effects_table = "effects";  ///< see version_index.hpp
constexpr std::string_view contents_table = "contents";
constexpr const char* indexed_field = "indexed";  ///< of `state_file`: the last version in these tables

std::string version_file(std::int64_t number) { return std::to_string(number) + ".json"; }

/// Those above `after`, newest first.
std::vector<std::int64_t> numbers_of(std::span<const Ref> refs, std::int64_t after = 0) {
  std::vector<std::int64_t> out;
  for (const auto& ref : refs)
    if (const auto number = version_number(ref.name); number && *number > after) out.push_back(*number);
  std::ranges::sort(out, std::greater{});
  return out;
}

}  // namespace

std::string version_name(std::int64_t number) { return "v" + std::to_string(number); }

std::optional<std::int64_t> version_number(std::string_view name) {
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  constexpr std::size_t digits_max = 18;
  if (name.size() < 2 || name.size() > digits_max + 1 || name[0] != 'v' || name[1] == '0')
    return std::nullopt;
  std::int64_t number = 0;
  for (const char c : name.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

Result<std::shared_ptr<const VersionTag>> TagCache::read(const Objects& objects, const Oid& target) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = known_.find(target); found != known_.end()) return found->second;
  }
  auto out = std::make_shared<VersionTag>();
  SLUICE_TRY(object, objects.read(target));
  out->tag = target;
  if (object.kind == Objects::Kind::tag) {
    SLUICE_TRY(tag, parse_tag(object.bytes));
    out->commit = tag.target;
    // A tag without a record was made by hand: its message is the description.
    out->record = read_record(tag.message)
                      .value_or(Record{
                          .created = tag.at, .user = tag.tagger, .description = message_text(tag.message)});
  } else {
    out->commit = target;
  }
  if (object.kind != Objects::Kind::tag) {
    SLUICE_TRY(commit, objects.commit(out->commit));
    out->record = {.created = commit.at, .user = commit.author, .description = message_text(commit.message)};
  }
  const std::scoped_lock lock(mutex_);
  if (known_.size() >= cached_tags_max) known_.clear();
  known_.insert_or_assign(target, out);
  return out;
}

Result<Registry> Registry::open(const std::filesystem::path& repository, TagCache& tags) {
  SLUICE_TRY(refs, read_refs(repository));
  return Registry(repository, Objects(repository), std::move(refs), tags);
}

std::vector<std::int64_t> Registry::numbers() const { return numbers_of(refs_.below(tag_prefix)); }

std::vector<std::int64_t> Registry::removed() const { return numbers_of(refs_.below(deleted_prefix)); }

Result<std::int64_t> Registry::next_number() const {
  SLUICE_TRY(json, model_json());
  auto last = Value(json).integer_at(purged_field);
  for (const auto prefix : {tag_prefix, deleted_prefix})
    for (const auto& ref : refs_.below(prefix)) last = std::max(last, version_number(ref.name).value_or(0));
  return last + 1;
}

Result<std::shared_ptr<const VersionTag>> Registry::version(std::int64_t number) const {
  const auto found = refs_.find(std::string(tag_prefix) + version_name(number));
  if (!found)
    return Fail(
        user_error(Code::not_found, path_.string() + ": there is no version " + version_name(number)));
  return tags_->read(objects_, Oid(found->target));
}

Result<std::shared_ptr<const VersionTag>> Registry::removed_version(std::int64_t number) const {
  const auto found = refs_.find(std::string(deleted_prefix) + version_name(number));
  if (!found)
    return Fail(user_error(Code::not_found,
                           path_.string() + ": there is no removed version " + version_name(number)));
  return tags_->read(objects_, Oid(found->target));
}

std::optional<std::int64_t> Registry::number_of_commit(const Oid& commit) const {
  std::optional<std::int64_t> out;
  for (const auto& tag : refs_.below(tag_prefix))
    if (tag.peeled == commit || tag.target == commit)
      if (const auto number = version_number(tag.name); number && number > out) out = number;
  return out;
}

std::optional<std::int64_t> Registry::alias(std::string_view name) const {
  const auto found = refs_.find(std::string(alias_prefix) + encode_name(name));
  if (!found) return std::nullopt;
  // From the refs alone: an alias names the same object as the tag of its version.
  for (const auto& tag : refs_.below(tag_prefix))
    if (tag.target == found->target)
      if (const auto number = version_number(tag.name)) return number;
  return std::nullopt;
}

Result<std::map<std::string, std::int64_t>> Registry::aliases() const {
  std::map<std::string, std::int64_t> out;
  const auto aliases = refs_.below(alias_prefix);
  // Aliases are few, tags may be thousands: only those that an alias names are kept.
  std::map<std::string_view, std::int64_t> numbers;
  for (const auto& alias : aliases) numbers.emplace(alias.target, 0);
  if (numbers.empty()) return out;
  for (const auto& tag : refs_.below(tag_prefix))
    if (const auto named = numbers.find(tag.target); named != numbers.end())
      if (const auto number = version_number(tag.name)) named->second = *number;
  for (const auto& alias : aliases) {
    const auto number = numbers.find(alias.target);
    if (number->second == 0) continue;
    const auto encoded = alias.name.substr(alias_prefix.size());
    auto name = decode_name(encoded);
    if (!name) {
      SLUICE_TRY(json, model_json());
      const auto* names = json.find("long_aliases");
      name = names != nullptr ? names->text_at(encoded) : "";
    }
    if (!name->empty()) out.emplace(std::move(*name), number->second);
  }
  return out;
}

Result<Oid> Registry::tree(const VersionTag& version) const {
  SLUICE_TRY(commit, objects_.commit(version.commit));
  return commit.tree;
}

Result<std::vector<TreeEntry>> Registry::state_tree() const {
  const auto found = refs_.find(registry_ref);
  if (!found) return std::vector<TreeEntry>();
  SLUICE_TRY(commit, objects_.commit(Oid(found->target)));
  return objects_.tree(commit.tree);
}

Result<Struct> Registry::model_json() const {
  if (model_json_) return *model_json_;
  SLUICE_TRY(entries, state_tree());
  const auto file = std::ranges::find(entries, state_file, &TreeEntry::name);
  Struct read;
  if (file != entries.end()) {
    SLUICE_TRY(bytes, objects_.read(file->oid, Objects::Kind::blob));
    SLUICE_TRY(json, parse_json(bytes, path_.string() + ": " + state_file));
    if (json.is_struct()) read = *json.if_struct();
  }
  model_json_ = std::move(read);
  return *model_json_;
}

Result<std::int64_t> Registry::indexed() const {
  SLUICE_TRY(json, model_json());
  return Value(json).integer_at(indexed_field);
}

Result<std::optional<std::int64_t>> Registry::find_in(std::string_view table, std::string_view key) const {
  SLUICE_TRY(state, state_tree());
  return find_in_index(objects_, named(state, table), Digest::of(key));
}

Result<std::optional<std::int64_t>> Registry::find_effect(std::string_view effect_key) const {
  return find_in(effects_table, effect_key);
}

Result<std::optional<std::int64_t>> Registry::find_content(std::string_view content) const {
  return find_in(contents_table, content);
}

/// Adds versions, newest first, to the tables in `state`.
Result<void> Registry::index_versions(std::span<const std::int64_t> added, std::vector<TreeEntry>& state) {
  std::map<Digest, std::int64_t> effects;
  std::map<Digest, std::int64_t> contents;
  // The newest last: of equal content, it is the one that counts.
  for (const auto each : std::views::reverse(added)) {
    SLUICE_TRY(tag, version(each));
    SLUICE_TRY(root, tree(*tag));
    SLUICE_TRY(content, content_key(objects_, root, ports::NewVersion{}.incidental));
    contents.insert_or_assign(Digest::of(content), each);
    if (!tag->record.key.empty()) effects.insert_or_assign(Digest::of(tag->record.key), each);
  }
  for (const auto& [table, entries] : {std::pair(effects_table, &effects), {contents_table, &contents}}) {
    if (entries->empty()) continue;
    SLUICE_TRY(changed, add_to_index(objects_, named(state, table), *entries));
    put(state, {.mode = TreeEntry::Mode::folder, .name = std::string(table), .oid = std::move(changed)});
  }
  return {};
}

Result<std::string> Registry::model_name() const {
  SLUICE_TRY(json, model_json());
  return Value(json).text_at("name");
}

Result<ModelMeta> Registry::model_meta() const {
  SLUICE_TRY(json, model_json());
  for (const auto& [field, value] : changed_fields_) json.set(field, value);
  return read_model_meta(json);
}

Result<void> Registry::read_version_files() const {
  if (version_files_) return {};
  std::map<std::string, Oid, std::less<>> files;
  SLUICE_TRY(state, state_tree());
  if (const auto folder = named(state, versions_folder); !folder.empty()) {
    SLUICE_TRY(entries, objects_.tree(folder));
    for (auto& entry : entries) files.emplace(std::move(entry.name), std::move(entry.oid));
  }
  version_files_ = std::move(files);
  return {};
}

Result<VersionMeta> Registry::version_meta(std::int64_t number) const {
  if (const auto changed = changed_versions_.find(number); changed != changed_versions_.end())
    return changed->second;
  SLUICE_DO(read_version_files());
  const auto file = version_files_->find(version_file(number));
  if (file == version_files_->end()) return VersionMeta{};
  SLUICE_TRY(text, objects_.read(file->second, Objects::Kind::blob));
  return read_version_meta(text, path_.string() + ": versions/" + file->first);
}

Result<std::vector<Oid>> Registry::purged() const {
  std::vector<Oid> out;
  SLUICE_TRY(json, model_json());
  if (Value(json).integer_at(purged_field) == 0) return out;
  SLUICE_DO(read_version_files());
  for (const auto& [name, oid] : *version_files_) {
    SLUICE_TRY(text, objects_.read(oid, Objects::Kind::blob));
    SLUICE_TRY(meta, read_version_meta(text, path_.string() + ": versions/" + name));
    if (meta.deleted && !meta.deleted->purged.empty()) out.push_back(meta.deleted->purged);
  }
  return out;
}

Result<std::vector<Oid>> Registry::reachable() const {
  std::vector<Oid> out;
  std::unordered_set<Oid> seen;
  std::vector<Oid> waiting;
  const auto want = [&](Oid oid) {
    if (seen.insert(oid).second) waiting.push_back(std::move(oid));
  };
  for (const auto& ref : refs_.all()) want(Oid(ref.target));
  while (!waiting.empty()) {
    const auto oid = std::move(waiting.back());
    waiting.pop_back();
    SLUICE_TRY(object, objects_.read(oid));
    switch (object.kind) {
      case Objects::Kind::blob: break;
      case Objects::Kind::tag: {
        SLUICE_TRY(tag, parse_tag(object.bytes));
        want(tag.target);
        break;
      }
      case Objects::Kind::commit: {
        SLUICE_TRY(commit, parse_commit(object.bytes));
        want(commit.tree);
        for (auto& parent : commit.parents) want(std::move(parent));
        break;
      }
      case Objects::Kind::tree: {
        SLUICE_TRY(entries, parse_tree(object.bytes));
        for (auto& entry : entries)
          if (entry.mode != TreeEntry::Mode::submodule) want(std::move(entry.oid));
        break;
      }
    }
    out.push_back(oid);
  }
  return out;
}

Result<Oid> Registry::write_state(const By& by) {
  SLUICE_TRY(state, model_json());
  for (const auto& [field, value] : changed_fields_) state.set(field, value);
  if (std::ranges::any_of(operations_, [](const Struct& op) {
        return std::ranges::find(updates, *op.find("op")->if_string()) != updates.end();
      }))
    state.set("updated_ms", by.at.time_since_epoch().count());
  if (!long_aliases_.empty()) {
    const auto* existing = state.find("long_aliases");
    Struct names = existing != nullptr && existing->is_struct() ? *existing->if_struct() : Struct{};
    for (const auto& [encoded, name] : long_aliases_) names.set(encoded, name);
    state.set("long_aliases", names);
  }
  SLUICE_TRY(entries, state_tree());
  const auto added = numbers_of(refs_.below(tag_prefix), Value(state).integer_at(indexed_field));
  SLUICE_DO(index_versions(added, entries));
  SLUICE_DO(write_versions(entries));
  if (!added.empty()) state.set(indexed_field, added.front());
  SLUICE_TRY(blob, objects_.write(Objects::Kind::blob, to_json(state, JsonStyle::pretty) + "\n"));
  put(entries, {.mode = TreeEntry::Mode::file, .name = state_file, .oid = blob});
  return objects_.write(Objects::Kind::tree, format_tree(std::move(entries)));
}

Result<void> Registry::write_versions(std::vector<TreeEntry>& state) {
  if (changed_versions_.empty()) return {};
  std::vector<TreeEntry> files;
  if (const auto folder = named(state, versions_folder); !folder.empty()) {
    SLUICE_TRY(present, objects_.tree(folder));
    files = std::move(present);
  }
  for (const auto& [number, meta] : changed_versions_) {
    SLUICE_TRY(blob, objects_.write(Objects::Kind::blob, write_version_meta(meta)));
    put(files, {.mode = TreeEntry::Mode::file, .name = version_file(number), .oid = std::move(blob)});
  }
  SLUICE_TRY(folder, objects_.write(Objects::Kind::tree, format_tree(std::move(files))));
  put(state,
      {.mode = TreeEntry::Mode::folder, .name = std::string(versions_folder), .oid = std::move(folder)});
  return {};
}

Result<void> Registry::commit(const By& by) {
  SLUICE_DO(refuse_loose_refs(path_));
  SLUICE_TRY(tree, write_state(by));
  Commit commit{.tree = tree, .parents = {}, .author = identity_of(by.principal), .at = by.at, .message = ""};
  if (const auto found = refs_.find(registry_ref)) commit.parents.emplace_back(found->target);
  for (const auto& subject : subjects_) commit.message += (commit.message.empty() ? "" : ", ") + subject;
  commit.message += "\n\n";
  for (const auto& op : operations_) commit.message += "Op: " + ascii_json(op) + "\n";
  SLUICE_TRY(oid, objects_.write(Objects::Kind::commit, format_commit(commit)));
  refs_.set({.name = registry_ref, .target = oid, .peeled = ""});
  // Objects before refs: whatever a ref names must be on the disk.
  SLUICE_DO(objects_.flush());
  SLUICE_DO(write_refs(path_, refs_));
  model_json_.reset();
  changed_fields_ = {};
  changed_versions_.clear();
  version_files_.reset();
  long_aliases_.clear();
  subjects_.clear();
  operations_.clear();
  return {};
}

}  // namespace sluice::stores::git
