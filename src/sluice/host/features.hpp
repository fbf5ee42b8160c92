#pragma once
#include <span>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::host {

/// A table of features with the picture of each row. As files: features.npy (NumPy's format 1.0, f32, by
/// rows) and index.json ([{"path"}, …], the same order).
struct Features {
  std::size_t columns = 0;
  std::vector<std::string> paths;
  std::vector<float> values;  ///< paths.size() rows

  [[nodiscard]] std::span<const float> row(std::size_t i) const {
    return std::span(values).subspan(i * columns, columns);
  }
};

/// From the bytes of both files. Refuses what image.embed would not have written, and numbers that are not
/// finite.
Result<Features> read_features(std::string_view table, std::string_view index);

/// Decodes the bytes of features.npy. `name` prefixes error messages; `rows` and `columns` are outputs.
Result<std::vector<float>> from_npy(std::string_view bytes, std::string_view name, std::size_t& rows,
                                    std::size_t& columns);

}  // namespace sluice::host
