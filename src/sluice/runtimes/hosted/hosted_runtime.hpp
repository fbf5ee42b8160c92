#pragma once
#include <chrono>
#include <filesystem>
#include <string_view>

#include "sluice/ports/model_host.hpp"

namespace sluice::runtimes {

/// Runs models in `sluice-host` processes. Hosts may outlive the runtime, but never this process: they exit
/// when their connection closes, and the kernel kills them when the thread that watches them ends.
class HostedRuntime final : public ports::ModelRuntime {
 public:
  /// `program` is sluice-host's file. What it prints goes to our log, within limits. Of our environment and
  /// our descriptors it gets nothing. A host with open calls that neither responds nor reports progress for
  /// `silence_max` hangs: it is killed.
  explicit HostedRuntime(std::filesystem::path program,
                         std::chrono::milliseconds silence_max = std::chrono::minutes(2))
      : program_(std::move(program)), silence_max_(silence_max) {}

  [[nodiscard]] std::string_view name() const override { return "openvino"; }
  /// Code::not_found (blame environment) where the program is missing.
  Result<std::shared_ptr<ports::ModelHost>> start_host(const ports::HostFolders& folders) override;

 private:
  std::filesystem::path program_;
  std::chrono::milliseconds silence_max_;
};

}  // namespace sluice::runtimes
