#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::host {

/// A request with pictures in its payload (`predict`, `embed_pictures`) while it is in progress. Several
/// threads fill `rows`, each its own elements.
struct PictureRequest {
  std::int64_t id = 0;
  std::string payload;
  std::vector<std::string_view> pictures;        ///< in the payload
  std::vector<Result<std::vector<float>>> rows;  ///< the features of each, or why there are none
  std::atomic<std::size_t> missing = 0;          ///< rows that are not filled yet

  /// Param `sizes` lists the bytes of each picture, at least one and at most 1,024.
  static Result<std::shared_ptr<PictureRequest>> from(std::int64_t id, const Value& params,
                                                      std::string payload);

  /// The rows of the pictures that could be read, one after the other.
  [[nodiscard]] std::vector<float> readable_rows() const;
};

}  // namespace sluice::host
