#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "sluice/ports/executor.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::executors {

/// Calls built-in services on worker threads. An attempt that is started again after a restart of the server
/// is simply called again: services without side effects allow it, and those with side effects return the
/// same for the same key.
class ServiceExecutor final : public ports::Executor {
 public:
  struct Options {
    std::filesystem::path work;  ///< scratch folders are created here
    std::size_t threads = 4;
  };
  /// `services`, `sink` and `clock` must outlive the executor.
  ServiceExecutor(Options options, std::vector<ports::Service*> services, ports::OutcomeSink& sink,
                  const Clock& clock);
  /// Asks running calls to stop and waits for them.
  ~ServiceExecutor() override;

  Result<Value> environment(const engine::TaskSpec& work) override;
  void start(const ports::Attempt& attempt) override;
  void cancel(const Fence& fence) override;
  /// The engine that claimed the run calls the service again.
  void abandon(const Fence& fence) override { cancel(fence); }
  void acknowledge(const Fence&) override {}
  [[nodiscard]] std::optional<ports::Progress> progress(const Fence& fence) const override;
  [[nodiscard]] std::filesystem::path log_of(const RunId&, const std::string&, int) const override {
    return {};
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Checks a service's arguments or results against its declaration; returns what is wrong, or nullopt. The
/// verifier has checked what is known beforehand; values of type `any` are known only here.
std::optional<std::string> type_mismatch_in(const std::vector<ir::Parameter>& declared, const Struct& given,
                                            std::string_view what);

}  // namespace sluice::executors
