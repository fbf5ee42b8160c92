#pragma once
// Public to other domain modules: versions of registered models consist of these files.
#include <functional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/ports/artifacts.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::tracking {

/// The path as it is stored: names with "/" between them. Refuses what is not below the root, however it is
/// written, and what no folder could hold.
Result<std::string> checked_artifact_path(std::string_view path);

/// All files below a folder, by their paths in it; or the file of that path, by its name. Of the topmost
/// folder: none.
Result<std::vector<ports::ArtifactFile>> files_below(const ports::ArtifactPaths& paths,
                                                     const std::string& workspace, const std::string& root);

/// Files that clients store under paths of their choice; their bytes are objects. Thread-safe. The ports must
/// outlive it.
class ArtifactFiles {
 public:
  /// `durable`: what was stored when a call returns survives a power failure, where the paths do.
  ArtifactFiles(ports::ArtifactPaths& paths, ports::ObjectStore& objects, const Clock& clock,
                bool durable = false)
      : paths_(paths), objects_(objects), clock_(clock), durable_(durable) {}

  /// Stores the file whose bytes are at `file`, which nobody else uses and which may be moved. Nothing of it
  /// is there before all of it is. Code::failed_precondition where a folder has its name, or a file that of
  /// one of its folders. `known`: see ports::ObjectStore::take_file.
  Result<ports::ArtifactFile> put(const Principal& principal, std::string_view path,
                                  const std::filesystem::path& file,
                                  const std::optional<Digest>& known = std::nullopt);
  /// Likewise, for bytes that `fill` passes on; nothing of it if that fails.
  Result<ports::ArtifactFile> put(
      const Principal& principal, std::string_view path,
      const std::function<Result<void>(const std::function<Result<void>(std::string_view)>&)>& fill);
  /// Likewise, for an object that is in the store.
  Result<ports::ArtifactFile> put(const Principal& principal, std::string_view path,
                                  const ports::Stored& stored);
  /// Whether `put` would refuse the path.
  [[nodiscard]] Result<void> check(const Principal& principal, std::string_view path) const;
  /// The same without a path: an object of the store, which something else has to name soon.
  Result<ports::ArtifactFile> put_object(
      const std::function<Result<void>(const std::function<Result<void>(std::string_view)>&)>& fill);
  /// See the function of that name.
  [[nodiscard]] Result<std::vector<ports::ArtifactFile>> files_below(const Principal& principal,
                                                                     std::string_view folder) const;
  /// Code::not_found, or Code::invalid_argument for a folder.
  [[nodiscard]] Result<ports::ArtifactFile> find(const Principal& principal, std::string_view path) const;
  /// What is directly in a folder, or the file of that path alone; empty if there is nothing.
  [[nodiscard]] Result<std::vector<ports::ArtifactEntry>> list(const Principal& principal,
                                                               std::string_view folder,
                                                               const std::string& after,
                                                               std::size_t limit) const;
  Result<void> remove(const Principal& principal, std::string_view path);
  /// The file with the object's bytes.
  [[nodiscard]] std::filesystem::path bytes_of(const ports::ArtifactFile& file) const {
    return objects_.path_of(file.digest);
  }

 private:
  /// The path as it is stored, if a file can be there.
  [[nodiscard]] Result<std::string> place_of(const Principal& principal, std::string_view path) const;
  Result<ports::ArtifactFile> keep(const Principal& principal, std::string place,
                                   const ports::Stored& stored);

  ports::ArtifactPaths& paths_;
  ports::ObjectStore& objects_;
  const Clock& clock_;
  bool durable_;
};

}  // namespace sluice::tracking
