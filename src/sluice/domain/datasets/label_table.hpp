#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::datasets {

inline constexpr std::size_t examples_max = 100'000;  ///< of a version of a data set
inline constexpr std::size_t table_bytes_max = std::size_t{256} << 20;

/// A row of a table of labels.
struct LabelRow {
  std::size_t line = 0;             ///< where it begins, from 1
  std::string example;              ///< the name of a file, or a text
  std::vector<std::string> labels;  ///< at least one, none twice, sorted
};

struct LabelTable {
  std::vector<LabelRow> rows;
  /// Its first row is such as `file,label`, or the first example has the name of a picture.
  bool names_files = false;
};

/// The rows of a CSV file (RFC 4180) with two columns: an example and its labels, separated by `;`. A first
/// row such as `file,label` or `text,label` is passed over. All problems are reported at once, each with its
/// line (`name` is that of the file): another number of columns, no example, no label, a text that is not
/// UTF-8. A table with boxes is refused with words that say what to do. Code::too_large beyond `examples_max`
/// rows.
Result<LabelTable> read_label_table(std::string_view text, const std::string& name);

}  // namespace sluice::datasets
