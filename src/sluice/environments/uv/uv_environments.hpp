#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/ports/environments.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::environments {

/// Environments by uv, see README.md. One process uses a folder at a time.
class UvEnvironments final : public ports::Environments {
 public:
  struct Options {
    std::filesystem::path uv;      ///< the program; if it is missing, every request fails and says so
    std::filesystem::path folder;  ///< `cache/environments`; made when it is needed
    std::vector<std::filesystem::path> interpreters;  ///< folders in which interpreters are looked for
    /// "NAME=value": where packages come from, and how it is reached. See `settings_of`.
    std::vector<std::string> settings = {};
    /// What may be required besides wheels of the indexes: "sources", which are built then, and beginnings of
    /// the addresses of packages. See `allowed_of`.
    std::vector<std::string> allowed = {};
    /// Counts so many more bytes as stored, if there is room for them; null: there always is.
    std::function<Result<void>(std::int64_t bytes)> admit = {};
  };
  /// What whoever operates the server has set for uv in its environment: indexes, certificates, proxies.
  static std::vector<std::string> settings_of(const char* const* environment);

  /// The words of SLUICE_ALLOW_REQUIREMENTS in its environment.
  static std::vector<std::string> allowed_of(const char* const* environment);

  UvEnvironments(Options options, ports::ObjectStore& objects);
  /// Ends what is being made.
  ~UvEnvironments() override;

  Result<engine::PythonEnvironment> lock(const ports::EnvironmentRequest& request) override;
  [[nodiscard]] bool allows(const std::string& requirement) const override;
  void make(const engine::PythonEnvironment& environment,
            std::function<void(Result<std::shared_ptr<const Made>>)> done) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::environments
