#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/host/media/preprocessing.hpp"

namespace sluice::host {

/// Identifies the base model that a head was made for.
struct BaseReference {
  std::string repository;
  std::string commit;  ///< 40 hexadecimal digits
  std::string digest;  ///< of its files, 64 hexadecimal digits
  std::string tap;     ///< the output that features are taken from
  bool operator==(const BaseReference&) const = default;
};

/// A head's model.json; README.md shows one.
struct HeadDescription {
  BaseReference base;
  media::Preprocessing preprocessing;
  std::string head_file = "head.onnx";
  double temperature = 1;
  double threshold = 0;
  std::vector<std::string> classes;
  double centroid_weight = 0;

  bool operator==(const HeadDescription&) const = default;
};

Value to_value(const BaseReference& base);
/// `name` prefixes error messages ("model.json: base").
Result<BaseReference> base_reference_from(const Value& json, std::string_view name);

/// The file's text. The same description gives the same bytes.
std::string to_text(const HeadDescription& description);
/// Strict: every field must be present, of its type and within its bounds, and no other field is accepted.
/// `name` prefixes error messages.
Result<HeadDescription> head_description_from(std::string_view text, std::string_view name = "model.json");

}  // namespace sluice::host
