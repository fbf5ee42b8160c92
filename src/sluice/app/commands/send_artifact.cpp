#include "sluice/app/commands/send_artifact.hpp"

#include "sluice/app/commands/send_object.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

Result<ArtifactSender> ArtifactSender::make(Session& session) {
  static const SystemClock clock;
  SLUICE_TRY(store, open_object_store(session.data, clock));
  return ArtifactSender(session, std::move(store));
}

Result<SentArtifact> ArtifactSender::send(
    const std::filesystem::path& path, const std::string& kind,
    const std::function<Result<ports::Selection>(const std::filesystem::path&)>& select) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status))
    return Fail(
        user_error(Code::not_found, status.type() == std::filesystem::file_type::not_found
                                        ? "there is no file or folder " + path.string()
                                        : "cannot access " + path.string() + ": " + failed.message()));
  SentArtifact sent{.artifact = {.kind = kind, .name = path.filename().string()}};
  if (std::filesystem::is_directory(status)) {
    sent.artifact.form = Form::directory;
    SLUICE_TRY(selection, select(path));
    SLUICE_TRY(stored, store_->put_directory(path, selection));
    sent.left_out = stored.left_out;
    sent.artifact.digest = stored.digest;
    sent.artifact.size = stored.size;
  } else {
    SLUICE_TRY(stored, store_->put_file(path));
    sent.artifact.digest = stored.digest;
    sent.artifact.size = stored.size;
  }
  SLUICE_DO(send_missing(sent.artifact));
  return sent;
}

Result<Artifact> ArtifactSender::send_files(const std::vector<File>& files, const std::string& kind) {
  std::vector<ports::TreeFile> tree;
  tree.reserve(files.size());
  for (const auto& file : files) {
    SLUICE_TRY(stored, file.from.empty() ? store_->put(file.bytes) : store_->put_file(file.from));
    tree.push_back({.path = file.path, .digest = stored.digest, .size = stored.size});
  }
  SLUICE_TRY(stored, store_->put_tree(tree));
  Artifact artifact{.kind = kind};
  artifact.form = Form::directory;
  artifact.digest = stored.digest;
  artifact.size = stored.size;
  SLUICE_DO(send_missing(artifact));
  return artifact;
}

Result<void> ArtifactSender::send_missing(const Artifact& artifact) {
  if (session_->platform) return {};  // the same store
  SLUICE_TRY(digests, store_->closure(artifact));
  // Asked again after an upload, which may take so long that the first ones could be swept meanwhile.
  constexpr int rounds_max = 10;
  for (int round = 0; round < rounds_max; ++round) {
    SLUICE_TRY(missing, missing_on_server(*session_->backend, digests));
    if (missing.empty()) return {};
    for (const auto& digest : missing)
      SLUICE_DO(send_object(*session_->backend, digest, store_->path_of(digest)));
  }
  return {};
}

}  // namespace sluice::app
