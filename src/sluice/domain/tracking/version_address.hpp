#pragma once
// Public to other domain modules: the registry gives this address to clients, and what moves out has it too.
// Where clients find the files of a registered model's version that are in its repository: below the folder
// `models/` of the store of artifacts, since no experiment is called so.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tracking {

/// "mlflow-artifacts:/models/NAME/3"
std::string address_of_version(std::string_view model, std::int64_t number);

struct VersionPath {
  std::string_view name;  ///< as it is written: percent-encoded
  std::string_view number;
  std::string_view path;  ///< below the version
};
/// "models/NAME/3/data/model.onnx"; nullopt for what is not of a version.
std::optional<VersionPath> parse_version_path(std::string_view path);

}  // namespace sluice::tracking
