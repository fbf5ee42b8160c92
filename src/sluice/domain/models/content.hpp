#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/domain/models/provenance.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::models {

/// The folder of a new version while it is being assembled. Not thread-safe.
class Content {
 public:
  /// `folder` must not exist yet.
  Content(ports::ObjectStore& objects, std::filesystem::path folder)
      : objects_(objects), folder_(std::move(folder)) {}

  /// Copies the artifact's files into the content. Code::invalid_argument if it is not a folder.
  Result<void> begin_with(const Artifact& model);
  /// Adds the files of `extra`, an artifact in folder form; Code::invalid_argument if a file of that name
  /// exists. The message begins with `what`, the name of the artifact.
  Result<void> add(const Artifact& extra, const std::string& what);
  /// Code::invalid_argument if a file of that name exists.
  Result<void> write(const std::string& name, const std::string& text);

  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] Result<std::string> read(const std::string& name) const;
  /// Every file with its digest, sorted by path.
  [[nodiscard]] Result<std::vector<Subject>> subjects() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  ports::ObjectStore& objects_;
  std::filesystem::path folder_;
};

}  // namespace sluice::models
