#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "sluice/base/result.hpp"

namespace sluice::app {

/// Finds the static files of MLflow's own interface, which are a part of its Python package: in `given`, or
/// where that is "", in the active virtual environment, or beside the `mlflow` on PATH. "": there are none.
/// Code::not_found if `given` has none.
Result<std::filesystem::path> find_mlflow_interface(const std::string& given);

/// Returns the file with a path below the folder, or ""; only of files that are there now.
std::function<std::filesystem::path(const std::string&)> interface_files(const std::filesystem::path& folder);

}  // namespace sluice::app
