#pragma once
// Lists that come in pages: their options, and how a page is printed.
#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/base/words.hpp"

namespace sluice::app {

struct PageOptions {
  SessionOptions common;
  std::string after;
  int limit = 50;

  [[nodiscard]] std::string query() const {
    return fmt::format("?limit={}&after={}", limit, percent_encode(after));
  }
};

/// Adds the options of a session, `--limit` and `--after`, whose value is named `value`.
void add_page(Command& command, PageOptions& options, const std::string& example, const std::string& listed,
              const std::string& value);

/// Prints each entry of the page by means of `print`, and how to get the next page: by `command`.
template <typename Print>
Exit print_page(const Session& session, const PageOptions& options, const Value& response,
                std::string_view list, const std::string& command, Print print) {
  if (options.common.json) {
    print_json(response);
    return Exit::ok;
  }
  for (const auto& entry : list_at(response, list)) print(entry);
  if (const auto* next = response.find("next"))
    print_text(
        stderr, "more: `{}{} --after {}`\n", command, session.hint_options,
        next->if_string() ? shell_word(*next->if_string()) : fmt::format("v{}", response.integer_at("next")));
  return Exit::ok;
}

}  // namespace sluice::app
