#pragma once
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "sluice/app/terminal/cells.hpp"

namespace sluice::app {

/// Prints for a person: control characters become `?`, since names and messages come from others; lines stay
/// lines. What a program reads (JSON, a plan, a log) is printed as it is.
template <typename... Args>
void say(std::FILE* to, fmt::format_string<Args...> format, Args&&... args) {
  const auto text = printable_lines(fmt::format(format, std::forward<Args>(args)...));
  std::fwrite(text.data(), 1, text.size(), to);
}

}  // namespace sluice::app
