#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"

namespace sluice::app {

/// What the metadata of an artifact of this kind say, in lines for people: metrics one a line, a confusion
/// matrix as a table, a curve by its area. Empty for other kinds, and for metadata that are not of their
/// form. Long ones are cut. May hold control characters.
std::vector<std::string> metrics_lines(std::string_view kind, const Value& metadata);

}  // namespace sluice::app
