#pragma once
#include <set>
#include <string>
#include <utility>

#include "sluice/base/ids.hpp"
#include "sluice/ports/moving.hpp"

namespace sluice::tracking {

/// The platform's own registry, which the model repositories are, as where registered models of others go: by
/// the same changes that clients of the registry make. The port must outlive it.
class KeptRegistryTarget final : public ports::RegistryTarget {
 public:
  KeptRegistryTarget(ports::ModelRegistry& registry, Principal principal)
      : registry_(registry), principal_(std::move(principal)) {}
  Result<ports::Lack> put(
      const ports::RegisteredContent& model,
      const std::function<Result<ports::VersionFiles>(const ports::RegisteredVersion&)>& files,
      const std::function<void(ports::Unmoved)>& unmoved) override;
  Result<ports::Lack> lack_of(const ports::RegisteredContent& model) override;

 private:
  struct Missing;
  Result<Missing> missing_of(const ports::RegisteredContent& model) const;
  [[nodiscard]] Principal made_by(const std::string& user) const;
  Result<void> put_version(const ports::RegisteredVersion& version, const ports::VersionFiles& files);
  Result<void> put_changes(const ports::ModelPlace& place, const ports::RegisteredVersion& version,
                           const Missing& missing);

  ports::ModelRegistry& registry_;
  Principal principal_;
  std::set<std::pair<std::string, std::int64_t>> refused_;  ///< versions that could not be put
};

}  // namespace sluice::tracking
