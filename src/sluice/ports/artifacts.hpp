#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"

namespace sluice::ports {

/// The address of our own store of artifacts, for clients; followed by a path in it.
inline constexpr std::string_view artifact_root = "mlflow-artifacts:/";

/// A file that a client stored under a path of its choice.
struct ArtifactFile {
  std::string path;  ///< names with "/" between them
  Digest digest;
  std::int64_t size = 0;
};

struct ArtifactEntry {
  std::string name;
  bool is_folder = false;
  std::int64_t size = 0;  ///< of a file
};

/// Which object is stored under which path, for clients that name files by paths. Folders are there as long
/// as files are in them. Thread-safe.
class ArtifactPaths {
 public:
  virtual ~ArtifactPaths() = default;
  /// Replaces the file of that path.
  virtual Result<void> put(const Principal& principal, const ArtifactFile& file, Time at) = 0;
  [[nodiscard]] virtual Result<std::optional<ArtifactFile>> find(const std::string& workspace,
                                                                 const std::string& path) const = 0;
  /// What is directly in a folder ("": the topmost one), by path, after the entry `after`: the name of a
  /// file, or that of a folder with "/" at its end; "": from the first. Costs what the page holds, however
  /// many files are in the folders below.
  [[nodiscard]] virtual Result<std::vector<ArtifactEntry>> list(const std::string& workspace,
                                                                const std::string& folder,
                                                                const std::string& after,
                                                                std::size_t limit) const = 0;
  /// Removes a file, or all of a folder. Returns how many files were there.
  virtual Result<std::int64_t> remove(const std::string& workspace, const std::string& path) = 0;
};

}  // namespace sluice::ports
