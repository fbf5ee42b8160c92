#pragma once
// Python and its packages as plans name them: a subset of pip's requirement files, PEP 508
// (https://peps.python.org/pep-0508/).
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::ir {

inline constexpr std::size_t requirements_max = 1'000;
inline constexpr std::size_t requirement_bytes_max = 1'000;

/// "3.11": a minor version of Python 3.
bool is_python_version(std::string_view text);

/// "fit", or with dots between such names "shop.train": what Python's `import` accepts, of ASCII.
bool is_python_name(std::string_view text);

/// One requirement, read. Refers to the text that it was read from.
struct Requirement {
  /// What it names besides a package of the indexes that whoever operates the server has set; he has to allow
  /// it.
  enum class Place : std::uint8_t {
    none,
    address,     ///< of a package: "https://…", "git+https://…"
    path,        ///< of a wheel, of source code as an archive or a folder: absolute
    index,       ///< another index instead of the usual one: "https://…"
    extra_index  ///< beside it
  };
  std::string_view package = {};  ///< its name, extras, versions and marker; empty: what the place says
  Place kind = Place::none;
  std::string_view place = {};
};

/// Reads "pandas==2.*", "NAME @ https://…", "NAME @ file:///…", a path, "-e" before an address or a path,
/// which means no more than these alone, "-i URL", "--extra-index-url URL". The message of a failure says why
/// it is none of them.
Result<Requirement> read_requirement(std::string_view requirement);

/// The requirements in a file, one a line, without comments. The message of a failure begins with the number
/// of the line.
Result<std::vector<std::string>> read_requirements(std::string_view text);

}  // namespace sluice::ir
