#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/page.hpp"

namespace sluice::ports {

/// A version of a data set: labeled examples, which never change.
struct DatasetVersion {
  Principal principal;
  std::string name;
  std::int64_t number = 0;
  std::string kind;  ///< "pictures", "texts"
  Artifact content;  ///< in directory form; domain/datasets/examples.hpp says what is in it
  std::int64_t examples = 0;
  std::int64_t labels = 0;  ///< how many different ones
  Time created{};
};

/// The data sets. Thread-safe.
class Datasets {
 public:
  virtual ~Datasets() = default;
  static constexpr std::int64_t datasets_max = 100'000;  ///< in a workspace
  static constexpr std::int64_t versions_max = 10'000;   ///< of a data set

  struct Added {
    std::int64_t number = 0;
    bool is_new = true;  ///< false: the newest version has the same content, and nothing was added
  };
  /// Adds the next version: the number of one that was removed is not used again. Synced. Code::exhausted if
  /// there are too many.
  virtual Result<Added> add(const DatasetVersion& version) = 0;
  /// Synced. False: there is no such version.
  virtual Result<bool> remove(const std::string& workspace, const std::string& name, std::int64_t number) = 0;
  /// nullopt for the number: the newest.
  [[nodiscard]] virtual Result<std::optional<DatasetVersion>> find(
      const std::string& workspace, const std::string& name,
      const std::optional<std::int64_t>& number) const = 0;
  /// The newest version of each data set, by name.
  [[nodiscard]] virtual Result<std::vector<DatasetVersion>> list(const std::string& workspace,
                                                                 const NamePage& page) const = 0;
  /// Newest first.
  [[nodiscard]] virtual Result<std::vector<DatasetVersion>> versions(const std::string& workspace,
                                                                     const std::string& name,
                                                                     const VersionPage& page) const = 0;
};

}  // namespace sluice::ports
