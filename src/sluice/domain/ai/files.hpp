#pragma once
#include <cerrno>
#include <filesystem>
#include <fstream>
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

inline Result<void> write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return Fail(system_error("write " + path.string(), errno));
  return {};
}

/// Stores a folder that a host wrote.
inline Result<Artifact> store_folder(ports::ObjectStore& objects, const std::filesystem::path& folder,
                                     std::string kind) {
  SLUICE_TRY(stored, objects.put_directory(folder));
  return Artifact{
      .kind = std::move(kind), .form = Form::directory, .digest = stored.digest, .size = stored.size};
}

}  // namespace sluice::ai
