#pragma once
// Private to this module: commands that an SDK of Kubeflow wrote, and images that they are for.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/frontends/kubeflow/spec.hpp"

namespace sluice::frontends::kubeflow {

/// What the beginning of a command installs before it runs the rest.
struct Installation {
  std::vector<std::string> requirements;
  std::vector<std::string> without_dependencies;
  std::vector<std::string> indexes;  ///< that it names, "-i URL", "--extra-index-url URL"
  std::size_t words = 0;             ///< how many elements of the command that is
};

/// nullopt: the command does not begin exactly as a version of kfp from 2.0 to 2.17 writes it.
std::optional<Installation> installation_of(const std::vector<Text>& command);

/// The module that the rest of a command executes, if it is the one that kfp writes for a Python function,
/// whose source is its last element; "": it is not.
std::string_view executor_module(const std::vector<Text>& command, std::size_t from);

/// Whether the image is Python's own, or matches a pattern: `*` stands for any characters.
bool is_python_image(std::string_view image, const std::vector<std::string>& patterns);
/// "3.11" of python:3.11-slim; "": it is not said.
std::string python_version_of(std::string_view image);

}  // namespace sluice::frontends::kubeflow
