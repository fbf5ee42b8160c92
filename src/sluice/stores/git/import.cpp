#include "sluice/stores/git/import.hpp"

#include <algorithm>

#include "sluice/os/files.hpp"
#include "sluice/stores/git/content.hpp"
#include "sluice/stores/git/pointer.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t pointer_bytes_max = 1024;

/// Packed and loose refs together; a loose one takes precedence. The branch that HEAD names becomes main.
Result<Refs> source_refs(const fs::path& source) {
  SLUICE_TRY(refs, read_refs(source));
  SLUICE_TRY(loose, os::files_below(source / "refs"));
  for (const auto& file : loose) {
    SLUICE_TRY(text, os::read_file(source / "refs" / file, 1024));
    while (text.ends_with('\n')) text.pop_back();
    if (is_oid(text)) refs.set({.name = "refs/" + file.string(), .target = text, .peeled = ""});
  }
  SLUICE_TRY(head, os::read_file(source / "HEAD", 1024));
  while (head.ends_with('\n')) head.pop_back();
  constexpr std::string_view symbolic = "ref: ";
  if (!head.starts_with(symbolic)) return refs;
  if (const auto branch = refs.find(head.substr(symbolic.size())))
    refs.set({.name = branch_ref, .target = branch->target, .peeled = branch->peeled});
  return refs;
}

bool is_wanted(std::string_view ref) {
  return ref == branch_ref || ref == registry_ref || ref.starts_with(alias_prefix) ||
         ((ref.starts_with(tag_prefix) || ref.starts_with(deleted_prefix)) && version_number(ref));
}

Result<void> store_lfs_objects(const fs::path& source, ports::ObjectStore& store) {
  const auto folder = source / "lfs" / "objects";
  std::vector<Digest> stored;
  SLUICE_TRY(files, os::files_below(folder));
  for (const auto& file : files) {
    const auto digest = Digest::from_hex(file.filename().native());
    if (!digest) continue;
    auto put = store.put_file(folder / file, &*digest);
    if (!put) return Fail(std::move(put).error());
    stored.push_back(*digest);
  }
  return store.make_durable(stored);
}

/// Checks that every git-lfs file of a version is in the store, so that the version can be materialized and
/// cloned.
Result<void> check_large_files(const fs::path& source, const Objects& objects, const Oid& tree,
                               std::int64_t number, const ports::ObjectStore& store) {
  SLUICE_TRY(blobs, list_blobs(objects, tree));
  for (const auto& blob : blobs) {
    SLUICE_TRY(bytes, objects.read(blob.oid, Objects::Kind::blob));
    if (bytes.size() > pointer_bytes_max) continue;
    if (const auto pointer = read_pointer(bytes); pointer && !store.has(pointer->digest))
      return Fail(environment_error(Code::data_loss,
                                    source.string() + ": `" + blob.path + "` of v" + std::to_string(number) +
                                        " is git-lfs object " + pointer->digest.hex() +
                                        ", which is not under lfs/objects; create this repository again"));
  }
  return {};
}

}  // namespace

Result<void> import_repository(const fs::path& source, const std::string& name, Registry& registry,
                               ports::ObjectStore& store, const Registry::By& by) {
  SLUICE_TRY(refs, source_refs(source));
  SLUICE_DO(store_lfs_objects(source, store));
  const Objects from(source);
  SLUICE_TRY(all, from.all());
  for (const auto& oid : all) {
    SLUICE_TRY(object, from.read(oid));
    SLUICE_TRY(written, registry.objects().write(object.kind, object.bytes));
    if (written != oid)
      return Fail(environment_error(Code::data_loss, source.string() + ": object " + oid +
                                                         " is corrupt; create this repository again"));
  }
  const bool has_registry = refs.find(registry_ref).has_value();
  for (const auto& ref : refs.all()) {
    if (!is_wanted(ref.name)) continue;
    SLUICE_TRY(object, from.read(Oid(ref.target)));
    Oid peeled(ref.peeled);
    if (object.kind == Objects::Kind::tag) {
      SLUICE_TRY(tag, parse_tag(object.bytes));
      peeled = tag.target;
    }
    registry.import_ref({.name = ref.name, .target = ref.target, .peeled = peeled});
  }
  auto numbers = registry.numbers();
  if (numbers.empty())
    return Fail(user_error(Code::invalid_argument,
                           source.string() + ": has no version; tag a commit with `git tag -a v1` first"));
  if (!has_registry) registry.create_model(name, by);
  std::ranges::reverse(numbers);
  for (const auto number : numbers) {
    SLUICE_TRY(version, registry.version(number));
    SLUICE_TRY(tree, registry.tree(*version));
    SLUICE_DO(check_large_files(source, registry.objects(), tree, number, store));
    if (!has_registry) registry.note_version(number, by);
  }
  return {};
}

}  // namespace sluice::stores::git
