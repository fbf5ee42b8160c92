#pragma once
// What people write about pipelines and runs. Private to this module.
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"

namespace sluice::pipelines {

/// Refuses a name that is empty, too long, or not a single line of text. `what`: "the name of a pipeline".
Result<void> check_name(std::string_view what, const std::string& name);
/// Refuses a text that is too long, or not text.
Result<void> check_text(std::string_view what, const std::string& text);
/// Texts by name, as the labels of Kubernetes: few and short ones.
Result<void> check_tags(const Struct& tags);

}  // namespace sluice::pipelines
