#pragma once
#include "sluice/ir/frontend.hpp"

namespace sluice::frontends {

/// The front-end for pipelines that `kfp` compiled: a PipelineSpec (version 2) in YAML or JSON, perhaps with
/// what it says about platforms as a second document. README.md lists what it supports.
class KubeflowFrontend : public ir::Frontend {
 public:
  [[nodiscard]] std::string_view name() const override;
  [[nodiscard]] bool recognizes(std::string_view text, const std::string& file) const override;
  [[nodiscard]] Result<Lowered> lower(std::string_view text, const std::string& file,
                                      const ir::LoweringOptions& options) const override;
};

}  // namespace sluice::frontends
