#pragma once
#include <filesystem>
#include <string>

#include "sluice/ports/object_store.hpp"

namespace sluice::ai {

/// Creates an empty folder; removes whatever an earlier attempt left at that path.
inline Result<void> make_empty_folder(const std::filesystem::path& path) {
  std::error_code failed;
  std::filesystem::remove_all(path, failed);
  if (!failed) std::filesystem::create_directories(path, failed);
  if (failed) return Fail(system_error("make folder " + path.string(), failed.value()));
  return {};
}

/// Materializes the artifact as a read-only folder. `name` is the input's name, for the message if the
/// artifact is a file.
inline Result<std::filesystem::path> materialize_folder(ports::ObjectStore& objects, const Artifact& artifact,
                                                        const std::string& name) {
  if (artifact.form == Form::directory) return objects.materialize(artifact);
  return Fail(user_error(Code::invalid_argument,
                         "`" + name + "` is a file; give the folder that holds the pictures"));
}

/// Stores a folder that a host wrote.
inline Result<Artifact> store_folder(ports::ObjectStore& objects, const std::filesystem::path& folder,
                                     std::string kind) {
  SLUICE_TRY(stored, objects.put_directory(folder));
  return Artifact{
      .kind = std::move(kind), .form = Form::directory, .digest = stored.digest, .size = stored.size};
}

}  // namespace sluice::ai
