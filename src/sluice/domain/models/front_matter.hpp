#pragma once
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::models {

/// The metadata in front of a card (the YAML between the first two lines `---`) as a struct; empty where a
/// card has none. `name` leads the messages.
Result<Value> read_front_matter(std::string_view card, const std::string& name);

/// A string as a YAML scalar that reads back as that string: plain where that is safe, else in double quotes.
std::string yaml_scalar(std::string_view text);
/// [a, "b c"] on one line.
std::string yaml_list(const std::vector<std::string>& items);

}  // namespace sluice::models
