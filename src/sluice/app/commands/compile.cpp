#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/plan_text.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/commands/submit.hpp"
#include "sluice/app/plugins.hpp"

namespace sluice::app {
namespace {

List lines_of(const std::string& text) {
  List lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

void add_compile(CommandLine& program) {
  struct Options {
    CommonOptions common;
    std::string file;
    std::string emit = "plan";
    std::string pipeline;
    DialectOptions dialect;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("compile", "check a plan and print it in canonical text");
  add_common(command, options->common, "sluice compile pipeline.yaml --emit dot | dot -Tsvg > pipeline.svg");
  command.argument("FILE", options->file, "the plan, in any dialect, or a package or Python file of kfp");
  command.option("--emit", options->emit, "plan: canonical text; dot: a graph for Graphviz",
                 {.one_of = {"plan", "dot"}});
  command.option("--pipeline", options->pipeline, "of a Python file with several pipelines: which one");
  add_dialect(command, options->dialect);
  command.when_called([options] {
    const auto read = read_plan_text(options->file, options->pipeline);
    if (!read) {
      return report(read.error());
    }
    const auto compile_options = compile_options_of(options->dialect);
    if (!compile_options) return report(compile_options.error());
    const auto plan = runs::compile(read->text, read->file, builtin_dialects(), *compile_options);
    if (!plan) {
      if (options->common.json) {
        Struct s;
        s.set("problems", lines_of(plan.error().message));
        print_json(s);
      } else {
        // Diagnostics begin with the position; a prefix would hide it from editors.
        print_text(stderr, "{}\n", plan.error().message);
      }
      return Exit::usage;
    }
    const auto warnings = runs::warnings_of(**plan);
    const auto emitted = options->emit == "dot" ? ir::print_dot(**plan) : ir::print_plan(**plan);
    if (options->common.json) {
      Struct s;
      s.set(options->emit, emitted);
      s.set("digest", ir::plan_digest(**plan).hex());
      if (!warnings.empty()) s.set("warnings", List(warnings.begin(), warnings.end()));
      print_json(s);
    } else {
      for (const auto& warning : warnings) print_text(stderr, "{}\n", warning);
      fmt::print("{}", emitted);
    }
    return Exit::ok;
  });
}

}  // namespace sluice::app
