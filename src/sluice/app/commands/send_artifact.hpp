#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/app/commands/command.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::app {

struct SentArtifact {
  Artifact artifact;
  std::int64_t left_out = 0;  ///< how many entries that the selection named were left out
};

/// Stores local files in the data folder's store, and sends the objects that it lacks to the server. One
/// thread.
class ArtifactSender {
 public:
  /// With a store of its own; `session` must outlive it.
  static Result<ArtifactSender> make(Session& session);

  /// A file, or of a folder what `select(path)` takes, which is called for folders only.
  Result<SentArtifact> send(
      const std::filesystem::path& path, const std::string& kind,
      const std::function<Result<ports::Selection>(const std::filesystem::path&)>& select);
  /// A folder of files from anywhere, by their paths in it.
  struct File {
    std::string path;
    std::filesystem::path from;  ///< "": `bytes`
    std::string bytes = {};
  };
  Result<Artifact> send_files(const std::vector<File>& files, const std::string& kind);

 private:
  ArtifactSender(Session& session, std::unique_ptr<ports::ObjectStore> store)
      : session_(&session), store_(std::move(store)) {}
  Result<void> send_missing(const Artifact& artifact);

  Session* session_;
  std::unique_ptr<ports::ObjectStore> store_;
};

}  // namespace sluice::app
