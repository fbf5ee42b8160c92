#pragma once
#include <string>
#include <vector>

#include "sluice/ir/frontend.hpp"

namespace sluice::frontends {

/// What is not in the text of a pipeline.
struct KubeflowOptions {
  /// Images whose tasks run in a Python environment of this machine, besides Python's own: `*` stands for any characters.
  std::vector<std::string> python_images;
  bool only_containers = false;  ///< every task runs in its image
};

/// The front-end for pipelines that `kfp` compiled: a PipelineSpec (version 2) in YAML or JSON, perhaps with what it says about platforms
/// as a second document. README.md lists what it supports.
class KubeflowFrontend : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] bool recognizes(std::string_view text, const std::string& file) const override;
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file) const override;
};

}  // namespace sluice::frontends
