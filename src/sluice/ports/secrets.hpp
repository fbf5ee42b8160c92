#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"

namespace sluice::ports {

/// What tasks may be given and nobody is shown: by "NAME.KEY" (ir::is_secret_name), in a workspace.
/// Thread-safe.
class Secrets {
 public:
  virtual ~Secrets() = default;
  static constexpr std::size_t secrets_max = 1'000;  ///< in a workspace
  static constexpr std::size_t value_bytes_max = std::size_t{64} << 10;

  struct Secret {
    std::string value;
    std::string version;  ///< another one whenever it is set
  };
  /// nullopt: there is none of this name.
  [[nodiscard]] virtual Result<std::optional<Secret>> find(const std::string& workspace,
                                                           const std::string& name) const = 0;
  /// Code::invalid_argument for a value that is empty, too long, or has a NUL; Code::exhausted if there are
  /// too many.
  virtual Result<void> set(const Principal& by, const std::string& name, std::string value) = 0;
  /// Code::not_found, with what there is.
  virtual Result<void> remove(const std::string& workspace, const std::string& name) = 0;
  struct Listed {
    std::string name;
    std::string version;
    std::string by;
    Time set{};
  };
  /// Sorted by name.
  [[nodiscard]] virtual Result<std::vector<Listed>> list(const std::string& workspace) const = 0;
  /// Every value, for hiding it.
  [[nodiscard]] virtual Result<std::vector<std::string>> values(const std::string& workspace) const = 0;
};

}  // namespace sluice::ports
