#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host {

/// A table of features with the picture of each row; on disk, a folder with features.npy (NumPy's format 1.0,
/// f32, by rows) and index.json ([{"path"}, …], the same order).
struct Features {
  std::size_t columns = 0;
  std::vector<std::string> paths;
  std::vector<float> values;  ///< paths.size() rows

  [[nodiscard]] std::span<const float> row(std::size_t i) const {
    return std::span(values).subspan(i * columns, columns);
  }
};

/// `folder` must exist.
Result<void> write_features(const Features& features, const std::filesystem::path& folder);

/// Refuses what `write_features` would not have written, and numbers that are not finite.
Result<Features> read_features(const std::filesystem::path& folder);

/// Encode and decode the bytes of features.npy. `name` prefixes error messages; `rows` and `columns` are
/// outputs.
std::string to_npy(std::span<const float> values, std::size_t rows, std::size_t columns);
Result<std::vector<float>> from_npy(std::string_view bytes, std::string_view name, std::size_t& rows,
                                    std::size_t& columns);

}  // namespace sluice::host
