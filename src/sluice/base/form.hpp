#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice {

/// A field of a form, as browsers and `curl -F` send it.
struct FormField {
  std::string name;  ///< valid UTF-8
  std::optional<std::string> file_name;
  std::string media_type;    ///< "" : none given
  std::string_view content;  ///< in the body

  /// Not text: it has a file name, or a media type that is not one of text.
  [[nodiscard]] bool is_file() const;
  /// What a browser sends for a file that the person did not choose.
  [[nodiscard]] bool is_unselected_file() const { return file_name && file_name->empty() && content.empty(); }
};

/// Bounds on what a form may contain besides its files.
struct FormLimits {
  std::size_t fields_max = 1000;
  std::size_t head_max = std::size_t{8} << 10;  ///< bytes in the headers of one field
};

/// Parses a body of the type multipart/form-data (RFC 7578). `content_type` is the header, which has the
/// boundary.
Result<std::vector<FormField>> read_form(std::string_view body, std::string_view content_type,
                                         FormLimits limits = {});

/// "image/png" of "Image/PNG; x=y"; in lower case.
std::string media_type_of(std::string_view content_type);

}  // namespace sluice
