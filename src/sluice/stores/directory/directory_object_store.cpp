#include "sluice/stores/directory/directory_object_store.hpp"

#include <mutex>
#include <set>

#include "sluice/base/findings.hpp"
#include "sluice/stores/directory/digest_cache.hpp"
#include "sluice/stores/directory/folder.hpp"
#include "sluice/stores/directory/listing.hpp"
#include "sluice/stores/directory/materialized_copies.hpp"
#include "sluice/stores/directory/object_files.hpp"
#include "sluice/stores/directory/object_storage.hpp"
#include "sluice/stores/directory/tree_writer.hpp"

namespace sluice::stores {

namespace fs = std::filesystem;

struct DirectoryObjectStore::Impl {
  Impl(directory::ObjectFiles files, const fs::path& cache, const Clock& the_clock)
      : objects(std::move(files)), digests(cache / "digests"), clock(the_clock) {}
  directory::ObjectFiles objects;
  directory::DigestCache digests;
  const Clock& clock;
  std::unique_ptr<directory::MaterializedCopies> copies;

  std::mutex unfinished_mutex;
  std::multiset<Time> unfinished;  ///< when the trees that are being stored were begun
};

namespace {

/// A tree that is being stored, for as long as this exists.
class Unfinished {
 public:
  Unfinished(std::mutex& mutex, std::multiset<Time>& all, Time begun) : mutex_(mutex), all_(all) {
    const std::scoped_lock lock(mutex_);
    mine_ = all_.insert(begun);
  }
  ~Unfinished() {
    const std::scoped_lock lock(mutex_);
    all_.erase(mine_);
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

 private:
  std::mutex& mutex_;
  std::multiset<Time>& all_;
  std::multiset<Time>::iterator mine_;
};

Result<Digest> digest_of(const Artifact& artifact) {
  if (!artifact.digest)
    return Fail(user_error(Code::failed_precondition,
                           "artifact `" + (artifact.name.empty() ? artifact.uri : artifact.name) +
                               "` is only a link to " + artifact.uri +
                               ": its bytes are not in the store; download it and pass the file"));
  return *artifact.digest;
}

}  // namespace

DirectoryObjectStore::DirectoryObjectStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DirectoryObjectStore::~DirectoryObjectStore() = default;

Result<std::unique_ptr<DirectoryObjectStore>> DirectoryObjectStore::open(const fs::path& objects,
                                                                         const fs::path& cache,
                                                                         const Clock& clock) {
  SLUICE_TRY(files, directory::ObjectFiles::open(objects, clock));
  auto impl = std::make_unique<Impl>(std::move(files), cache, clock);
  SLUICE_TRY(copies, directory::MaterializedCopies::open(cache, impl->objects, clock));
  impl->copies = std::make_unique<directory::MaterializedCopies>(std::move(copies));
  return std::unique_ptr<DirectoryObjectStore>(new DirectoryObjectStore(std::move(impl)));
}

const directory::ObjectFiles& DirectoryObjectStore::files() const { return impl_->objects; }

Result<ports::Stored> DirectoryObjectStore::put(std::string_view bytes) { return impl_->objects.put(bytes); }

Result<std::unique_ptr<ports::NewObject>> DirectoryObjectStore::begin() { return impl_->objects.begin(); }

Result<ports::Stored> DirectoryObjectStore::put_file(const fs::path& file, const Digest* expected) {
  SLUICE_TRY(stored,
             directory::store_file(impl_->objects, impl_->digests, impl_->clock, file, expected, true));
  impl_->digests.save();
  return stored;
}

Result<ports::Stored> DirectoryObjectStore::take_file(const fs::path& file,
                                                      const std::optional<Digest>& known) {
  return impl_->objects.take(file, known);
}

Result<ports::Stored> DirectoryObjectStore::put_directory(const fs::path& folder,
                                                          const ports::Selection& selection) {
  const Unfinished unfinished(impl_->unfinished_mutex, impl_->unfinished, impl_->clock.now());
  SLUICE_TRY(walked, directory::walk(folder, selection));
  if (!walked.refused.empty()) {
    Findings findings;
    for (const auto& [path, why] : walked.refused) findings.add(os::printable(path) + ": " + why);
    return Fail(std::move(findings).error(Code::invalid_argument));
  }
  SLUICE_DO(directory::check_size(walked.folder, os::printable(folder)));
  SLUICE_DO(directory::store_files(impl_->objects, impl_->digests, impl_->clock, folder, walked.folder));
  impl_->digests.save();
  SLUICE_TRY(stored, directory::store_messages(impl_->objects, walked.folder));
  stored.left_out = walked.left_out;
  return stored;
}

Result<ports::Stored> DirectoryObjectStore::put_tree(const std::vector<ports::TreeFile>& files) {
  for (const auto& file : files)
    if (!has(file.digest))
      return Fail(environment_error(Code::not_found, "`" + file.path + "`: object " + file.digest.hex() +
                                                         " is not in the store; store its bytes first"));
  SLUICE_TRY(tree, directory::arrange(files));
  SLUICE_DO(directory::check_size(tree, "the directory"));
  return directory::store_messages(impl_->objects, tree);
}

Result<ports::Listing> DirectoryObjectStore::list(const Artifact& directory) const {
  SLUICE_TRY(digest, digest_of(directory));
  return directory::list_tree(impl_->objects, digest);
}

Result<void> DirectoryObjectStore::make_durable(const std::vector<Digest>& digests) {
  return impl_->objects.make_durable(digests);
}

bool DirectoryObjectStore::has(const Digest& digest) const { return impl_->objects.has(digest); }

Result<std::string> DirectoryObjectStore::get(const Digest& digest, std::size_t bytes_max) const {
  return impl_->objects.get(digest, bytes_max);
}

Result<fs::path> DirectoryObjectStore::materialize(const Artifact& artifact) {
  SLUICE_TRY(digest, digest_of(artifact));
  return impl_->copies->materialize(digest, artifact.form);
}

Result<void> DirectoryObjectStore::copy_out(const Artifact& artifact, const fs::path& destination) const {
  SLUICE_TRY(digest, digest_of(artifact));
  if (os::exists(destination))
    return Fail(user_error(Code::already_exists,
                           destination.string() + ": already exists; name another path, or remove it"));
  if (artifact.form == Form::file) {
    SLUICE_DO(impl_->objects.copy_to(digest, destination, 0644));
    return {};
  }
  auto written = directory::write_tree(impl_->objects, digest, destination, {});
  if (!written) static_cast<void>(os::remove_tree(destination));
  return written;
}

fs::path DirectoryObjectStore::path_of(const Digest& digest) const { return impl_->objects.path_of(digest); }

Result<std::vector<Digest>> DirectoryObjectStore::closure(const Artifact& artifact) const {
  SLUICE_TRY(digest, digest_of(artifact));
  if (artifact.form == Form::file) return std::vector<Digest>{digest};
  return directory::tree_closure(impl_->objects, digest);
}

void DirectoryObjectStore::set_admission(std::function<Result<void>(std::int64_t)> admit) {
  impl_->objects.set_admission(std::move(admit));
}

Result<std::unique_ptr<ports::ObjectSweep>> DirectoryObjectStore::begin_sweep(Time limit) {
  return directory::begin_sweep(impl_->objects, limit);
}

std::optional<Time> DirectoryObjectStore::oldest_unfinished() const {
  const std::scoped_lock lock(impl_->unfinished_mutex);
  return impl_->unfinished.empty() ? std::nullopt : std::optional(*impl_->unfinished.begin());
}

Result<void> DirectoryObjectStore::each_object(
    const std::function<Result<void>(const ports::ObjectInfo&)>& take) const {
  return directory::each_object(impl_->objects, take);
}

std::optional<ports::ObjectStorage::Parts> DirectoryObjectStore::parts_of(const Digest& digest) const {
  return directory::parts_of(impl_->objects, digest);
}

Result<std::vector<Digest>> DirectoryObjectStore::messages_of(
    const std::vector<ports::TreeFile>& files) const {
  SLUICE_TRY(tree, directory::arrange(files));
  return directory::messages_of(tree);
}

Result<void> DirectoryObjectStore::verify(const Digest& digest) const {
  return directory::verify(impl_->objects, digest);
}

}  // namespace sluice::stores
