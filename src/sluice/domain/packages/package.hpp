#pragma once
// Package files of pipelines: archives that hold the text of one.
#include <string>

#include "sluice/base/result.hpp"

namespace sluice::packages {

/// The size of a package itself, as in Kubeflow's back end.
inline constexpr std::size_t package_bytes_max = std::size_t{32} << 20;
/// The number of files and folders in it.
inline constexpr std::size_t entries_max = 1000;
/// What a package may unpack to, in times its size; any may unpack to `free_bytes`.
inline constexpr std::size_t ratio_max = 300;
inline constexpr std::size_t free_bytes = std::size_t{1} << 20;

struct Text {
  std::string text;
  std::string file;  ///< where it is, for messages: "pipeline.zip/pipeline.yaml"
};

/// The text in the content of a file: of a package (zip, or gzip with tar, whatever its name) that of
/// `pipeline.yaml`, else of its only file in YAML or JSON; any other content is the text. Any thread.
/// Code::invalid_argument and too_large for packages that are damaged, unsafe or unclear; unavailable if the
/// library that reads them is missing.
Result<Text> text_of(std::string content, const std::string& file, std::size_t text_bytes_max);

/// The version of the library that reads packages.
Result<std::string> version_of_library();

}  // namespace sluice::packages
