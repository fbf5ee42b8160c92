#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "sluice/app/predict/classifier.hpp"

namespace sluice::app {

/// The pictures that a person names, as files and as folders of them.
struct AskedPictures {
  std::vector<std::string> files;  ///< in the order of the arguments; those of one folder sorted by path
  std::vector<Answer> unusable;    ///< what is no file, of the folders, each with an error
  std::size_t others = 0;          ///< files of the folders that are no pictures
};

/// A folder stands for the pictures in it, as `dataset.split` and `image.embed` would see them if it were an
/// input. An argument that is no folder is a file, whether it exists or not.
Result<AskedPictures> find_asked_pictures(const std::vector<std::string>& arguments);

}  // namespace sluice::app
