#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/digest.hpp"
#include "sluice/host/embedder.hpp"
#include "sluice/host/feature_cache.hpp"
#include "sluice/host/features.hpp"

namespace sluice::host {

/// A picture of a data set, and the file that holds its bytes.
struct GivenPicture {
  std::string path;  ///< in the data set
  std::filesystem::path file;
  Digest digest;  ///< of the bytes
};

/// Reads a list of pictures: a JSON file, [{"path", "file", "digest"}, …].
Result<std::vector<GivenPicture>> read_given_pictures(const std::filesystem::path& list);

struct EmbeddedPictures {
  Features features;                  ///< in the given order; incomplete if there are problems
  std::vector<std::string> problems;  ///< "PATH: WHY" of every picture that cannot be read, in that order
};

/// The features of these pictures. Blocks. Those that the cache knows are not read again; the others are
/// added to it. `cache` may be null. `progress` is called after each picture, with the number of those that
/// are done and of all, on threads of the embedder.
EmbeddedPictures embed_pictures(Embedder& embedder, const std::vector<GivenPicture>& pictures,
                                FeatureCache* cache,
                                const std::function<void(std::size_t done, std::size_t total)>& progress);

}  // namespace sluice::host
