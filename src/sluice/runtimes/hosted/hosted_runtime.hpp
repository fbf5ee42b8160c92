#pragma once
#include <filesystem>
#include <string_view>

#include "sluice/ports/model_host.hpp"

namespace sluice::runtimes {

/// Runs models in `sluice-host` processes. Hosts may outlive the runtime, but never this process: they exit
/// when their connection closes, and the kernel kills them when the thread that watches them ends.
class HostedRuntime final : public ports::ModelRuntime {
 public:
  /// `program` is sluice-host's file. Its log goes to our standard error.
  explicit HostedRuntime(std::filesystem::path program) : program_(std::move(program)) {}

  [[nodiscard]] std::string_view name() const override { return "openvino"; }
  /// Code::not_found (blame environment) where the program is missing.
  Result<std::shared_ptr<ports::ModelHost>> start_host() override;

 private:
  std::filesystem::path program_;
};

}  // namespace sluice::runtimes
