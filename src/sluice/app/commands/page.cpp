#include "sluice/app/commands/page.hpp"

namespace sluice::app {

void add_page(Command& command, PageOptions& options, const std::string& example, const std::string& listed,
              const std::string& value) {
  add_session(command, options.common, example);
  command.option("--limit", options.limit,
                 fmt::format("maximum number of {}; default {}", listed, options.limit),
                 {.range = ValueRules::Range{1, 10000}});
  command.option("--after", options.after, fmt::format("only {} that follow this one in the list", listed),
                 {.name = value});
}

}  // namespace sluice::app
