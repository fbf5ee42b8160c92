#include "sluice/app/commands/usage.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/app/commands/say.hpp"
#include "sluice/base/words.hpp"

namespace sluice::app {
namespace {

/// Those that the help shows.
std::vector<std::string> commands_of(const CLI::App& program) {
  std::vector<std::string> names;
  for (const auto* command :
       program.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string way_out(const std::string& word, const std::vector<std::string>& known, const std::string& help) {
  auto hint = did_you_mean(word, known);
  return hint.empty() ? fmt::format("; `{} --help` lists them", help) : hint;
}

/// What nobody took, if that explains it better than what is missing.
std::string about_extras(const CLI::App& program, const CLI::App& command, const std::string& called) {
  const auto extras = program.remaining(true);
  const auto option =
      std::ranges::find_if(extras, [](const auto& word) { return word.size() > 1 && word[0] == '-'; });
  if (&command == &program && !extras.empty() && extras.front()[0] != '-')
    return fmt::format("unknown command `{}`{}", extras.front(),
                       way_out(extras.front(), commands_of(program), called));
  if (option != extras.end()) {
    const auto name = option->substr(0, option->find('='));
    const auto known = options_of(command);
    if (std::ranges::find(known, name) != known.end())  // it stood before the command
      return fmt::format("`{}` goes after the command: `{} {} ...`", name, called, name);
    return fmt::format("unknown option `{}`{}", name, way_out(name, known, called));
  }
  return extras.empty() ? ""
                        : fmt::format("nothing takes the argument `{}`; `{} --help` tells what there is",
                                      extras.front(), called);
}

}  // namespace

Exit report_usage(const CLI::App& program, const CLI::ParseError& wrong) {
  if (wrong.get_exit_code() == 0) return program.exit(wrong) == 0 ? Exit::ok : Exit::usage;
  const auto chosen = program.get_subcommands();
  const CLI::App& command = chosen.empty() ? program : *chosen.front();
  const auto called = chosen.empty() ? std::string("sluice") : "sluice " + command.get_name();
  auto text = about_extras(program, command, called);
  if (text.empty() && chosen.empty()) text = "it needs a command; `sluice --help` lists them";
  if (text.empty()) text = wrong.what();
  if (text == wrong.what() && !text.ends_with('?')) text += fmt::format("; `{} --help` tells more", called);
  say(stderr, "{}: {}\n", called, text);
  return Exit::usage;
}

void take_one_of(CLI::Option& option, std::vector<std::string> words) {
  option.type_name(fmt::format("{}", fmt::join(words, "|")));
  option.check([words](const std::string& word) {
    if (std::ranges::find(words, word) != words.end()) return std::string();
    return fmt::format("`{}` is none of {}{}", word, fmt::join(words, ", "), did_you_mean(word, words));
  });
}

}  // namespace sluice::app
