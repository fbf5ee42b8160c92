#pragma once
// Python and its packages as plans name them: a subset of pip's requirement files, PEP 508
// (https://peps.python.org/pep-0508/).
#include <cstddef>
#include <optional>
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

/// The address of "NAME @ URL" (PEP 508, direct references), which whoever operates a server has to allow;
/// empty: the package is required by its name.
std::string_view url_of_requirement(std::string_view requirement);

/// Why this is not a package, by its name with extras, versions and a marker, or by its name and address: an
/// option of pip, a path. nullopt: it is one.
std::optional<std::string> requirement_problem(std::string_view requirement);

/// The requirements in a file, one a line, without comments. The message of a failure begins with the number
/// of the line.
Result<std::vector<std::string>> read_requirements(std::string_view text);

}  // namespace sluice::ir
