#pragma once
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::models {

/// Parses the front matter of a card (the YAML between the first two lines `---`) into a struct; empty if the
/// card has none. Messages begin with `name`.
Result<Value> read_front_matter(std::string_view card, const std::string& name);

/// A string as a YAML scalar that reads back as that string: plain where that is safe, else double-quoted.
std::string yaml_scalar(std::string_view text);
/// A YAML flow sequence on one line: [a, "b c"].
std::string yaml_list(const std::vector<std::string>& items);

}  // namespace sluice::models
