#pragma once
#include <filesystem>

#include "sluice/app/commands/send_artifact.hpp"

namespace sluice::app {

/// Stores what a person gives as a data set, in a layout of domain/datasets: a folder, a table of files and
/// their labels (with the files, which are named from its folder), or a table of texts and their labels.
Result<Artifact> send_dataset(ArtifactSender& sender, const std::filesystem::path& path);

}  // namespace sluice::app
