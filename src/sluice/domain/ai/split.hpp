#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::ai {

struct LabelledPicture {
  std::string path;   ///< relative, "bird/robin.png"
  std::string label;  ///< its class: the folder's name
  bool operator==(const LabelledPicture&) const = default;
};

/// Which pictures a head learns from and which it is measured on. Both sorted by path.
struct Split {
  std::int64_t seed = 0;
  std::vector<std::string> classes;  ///< sorted
  std::vector<LabelledPicture> learned;
  std::vector<LabelledPicture> held_out;
};

/// The pictures of a folder with one sub-folder a class, sorted by path. Names that begin with a dot are
/// passed over. Every problem is told at once (the first as the message, the others as notes): a file beside
/// the classes, a folder inside one, a file that is no picture by its name, fewer than two classes, a class
/// with fewer than two pictures.
Result<std::vector<LabelledPicture>> labelled_pictures(const std::filesystem::path& folder);

/// Draws `learn` pictures of each class to learn from and holds the others out. A class that has `learn`
/// pictures or fewer still holds one out, so it is learned from all its others. `pictures` is sorted by path,
/// two a class at least. The draw of a class depends on `seed`, its name and its own pictures only: other
/// classes may come and go.
Result<Split> draw_split(const std::vector<LabelledPicture>& pictures, std::int64_t learn, std::int64_t seed);

/// {"seed", "classes": […], "learned": [{"path", "label"}, …], "held_out": [{"path", "label"}, …]}
Value to_json_value(const Split& split);

}  // namespace sluice::ai
