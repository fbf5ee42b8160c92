#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/ports/containers.hpp"
#include "sluice/ports/environments.hpp"
#include "sluice/ports/executor.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/secrets.hpp"

namespace sluice::executors {

/// What tasks may be given; without one of these, tasks that require it fail.
struct Given {
  ports::Environments* environments = nullptr;
  const ports::Secrets* secrets = nullptr;
  ports::Containers* containers = nullptr;
  /// Variables, "NAME=value", that an attempt has besides those of its plan, which override them.
  /// Thread-safe; null: there are none.
  std::function<std::vector<std::string>(const ports::Attempt&)> variables = {};
};

/// Runs processes on this machine, and containers: by a process each, the command of their engine. The
/// supervisor of the data folder spawns them, so they outlive this process; an attempt that is started again
/// after a restart is reattached by its fence. The remains of an attempt (its folder, its end) are kept until
/// it is acknowledged, so that its outcome can be requested again.
class ProcessExecutor final : public ports::Executor {
 public:
  /// `supervisor` is the program to start if none serves the folder; that happens with the first attempt.
  /// What is referred to must outlive the executor.
  ProcessExecutor(const std::filesystem::path& data, ports::ObjectStore& objects, ports::OutcomeSink& sink,
                  const Clock& clock, std::filesystem::path supervisor, Given given = {});
  /// Disconnects from the supervisor; tasks continue to run. No outcome is reported after this.
  ~ProcessExecutor() override;

  Result<Value> environment(const engine::TaskSpec& work) override;
  void start(const ports::Attempt& attempt) override;
  void cancel(const Fence& fence) override;
  void acknowledge(const Fence& fence) override;
  void all_reattached() override;
  [[nodiscard]] std::optional<ports::Progress> progress(const Fence& fence) const override;
  [[nodiscard]] std::filesystem::path log_of(const RunId& run, const std::string& path,
                                             int number) const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::executors
