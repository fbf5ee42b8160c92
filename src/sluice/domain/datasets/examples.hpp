#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/digest.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::datasets {

/// The file of a version that has the labels of the others.
inline constexpr std::string_view labels_file = "labels.csv";
/// The file of a version that consists of it: texts and their labels.
inline constexpr std::string_view texts_file = "texts.csv";

/// A labeled picture or text.
struct Example {
  std::string path;                 ///< of its file; of a row of `texts_file`, "texts.csv:LINE"
  Digest digest;                    ///< of its bytes
  std::vector<std::string> labels;  ///< sorted
  bool operator==(const Example&) const = default;
};

enum class Kind { pictures, texts };
std::string_view name(Kind kind);

struct Examples {
  Kind kind = Kind::pictures;
  std::vector<Example> all;         ///< sorted by path; of `texts_file`, in its order
  std::vector<std::string> labels;  ///< those that occur, sorted
};

/// What a folder holds, in one of three layouts: pictures or .txt files in one sub-folder for each label;
/// `labels_file` with the names of the others; `texts_file` alone. Names that begin with a dot and leftovers
/// are passed over. All problems are reported at once: a file outside the folder of a label, one that is no
/// picture, pictures and texts together, a file that no row names, a row whose file is not there.
/// Code::too_large beyond `examples_max`.
Result<Examples> read_examples(const ports::ObjectStore& objects, const Artifact& folder);

}  // namespace sluice::datasets
