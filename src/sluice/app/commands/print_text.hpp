#pragma once
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "sluice/app/terminal/cells.hpp"

namespace sluice::app {

/// Prints text for people: control characters become `?`, because names and messages may be untrusted; line
/// feeds are kept. Output for programs (JSON, a plan, a log) is printed unchanged.
template <typename... Args>
void print_text(std::FILE* to, fmt::format_string<Args...> format, Args&&... args) {
  const auto text = printable_lines(fmt::format(format, std::forward<Args>(args)...));
  std::fwrite(text.data(), 1, text.size(), to);
}

}  // namespace sluice::app
