#pragma once
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::ai {

/// The folder with the features of pictures while it is being written: features.npy (NumPy's format 1.0, f32,
/// by rows) and index.json ([{"path"}, …], in the same order). No more than one row is held in memory. One
/// thread at a time.
class FeatureTable {
 public:
  /// `folder` must exist.
  static Result<FeatureTable> make(const std::filesystem::path& folder, std::size_t rows,
                                   std::size_t columns);
  /// Rows may be set in any order.
  void set(std::size_t row, std::span<const float> values);
  /// Writes the index. Fails if anything could not be written.
  Result<void> finish(const std::vector<std::string>& paths);

 private:
  FeatureTable(std::filesystem::path folder, std::ofstream file, std::size_t columns)
      : folder_(std::move(folder)), file_(std::move(file)), columns_(columns) {}

  std::filesystem::path folder_;
  std::ofstream file_;
  std::size_t columns_ = 0;
  std::size_t start_ = 0;  ///< bytes before the first row
  std::size_t next_ = 0;   ///< the row where the file is
};

}  // namespace sluice::ai
