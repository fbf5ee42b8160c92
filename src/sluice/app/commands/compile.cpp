#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/plugins.hpp"

namespace sluice::app {

void add_compile(CLI::App& program, Exit& exit) {
  struct Options {
    std::string file;
    std::string emit = "plan";
  };
  auto options = std::make_shared<Options>();
  auto* command = program.add_subcommand("compile", "check a plan and print it in canonical text");
  command->add_option("FILE", options->file, "the plan, in any dialect")->required();
  command->add_option("--emit", options->emit, "plan: canonical text; dot: a graph for Graphviz")
      ->check(CLI::IsMember({"plan", "dot"}));
  command->footer("example:\n  sluice compile pipeline.yaml --emit dot | dot -Tsvg > pipeline.svg");
  command->callback([options, &exit] {
    constexpr std::size_t plan_bytes_max = std::size_t{256} << 20;
    const auto text = read_given_file(options->file, plan_bytes_max);
    if (!text) {
      exit = report(text.error());
      return;
    }
    const auto plan = runs::compile(*text, options->file, builtin_dialects());
    if (!plan) {
      // Diagnostics lead with the place; a prefix of ours would hide it from editors.
      fmt::print(stderr, "{}\n", plan.error().message);
      exit = Exit::usage;
      return;
    }
    fmt::print("{}", options->emit == "dot" ? ir::print_dot(**plan) : ir::print_plan(**plan));
  });
}

}  // namespace sluice::app
