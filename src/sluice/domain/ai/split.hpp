#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/domain/ai/picture_folder.hpp"

namespace sluice::ai {

/// A picture of a data set and its class.
struct LabeledPicture {
  std::string path;   ///< relative, "bird/robin.png"
  std::string label;  ///< its class: the name of its folder
  Digest digest;      ///< of its bytes
  bool operator==(const LabeledPicture&) const = default;
};

/// The pictures that a head is trained on and those that it is evaluated on. Both sorted by path.
struct Split {
  std::int64_t seed = 0;
  std::vector<std::string> classes;  ///< sorted
  std::vector<LabeledPicture> learned;
  std::vector<LabeledPicture> held_out;
};

/// How many pictures of each class a head is trained on at least.
inline constexpr std::size_t learn_min = 2;

/// The pictures of a folder with one subfolder per class, sorted by path. All problems are reported at once
/// (the first as the message, the others as notes): a file outside a class folder, a folder inside one, a
/// file that is no picture, a symlink that leads nowhere, fewer than two classes, a class with fewer than
/// `learn_min` + 1 pictures.
Result<std::vector<LabeledPicture>> labeled_pictures(const PictureFolder& folder);

/// Whether so many pictures per class can be trained on: at least `learn_min`.
Result<void> check_learn(std::int64_t learn);

/// Draws `learn` pictures of each class to train on, which `check_learn` accepts, and holds the others out. A
/// class that has `learn` pictures or fewer still holds one out, so all its others are for training.
/// `pictures` must be sorted by path and have at least `learn_min` + 1 pictures per class. The draw of a
/// class depends only on `seed`, its name and its own pictures: adding or removing other classes does not
/// change it.
Split draw_split(const std::vector<LabeledPicture>& pictures, std::int64_t learn, std::int64_t seed);

/// {"seed", "classes": […], "learned": [{"path", "label"}, …], "held_out": [{"path", "label"}, …]}
Value to_json_value(const Split& split);

}  // namespace sluice::ai
