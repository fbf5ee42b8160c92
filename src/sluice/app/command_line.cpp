#include "sluice/app/command_line.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/app/commands/print_text.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::app {

struct Command::Impl {
  Impl(std::string name, const std::string& description)
      : name(std::move(name)), app(std::make_shared<CLI::App>(description, this->name)) {}
  std::string name;
  std::shared_ptr<CLI::App> app;
  std::vector<Declared> declared{{.name = "--help", .value = "", .is_argument = false, .repeats = false}};
  std::function<Exit()> work;
  bool hidden = false;

  /// Applies the rules, and records what help and completion need.
  CLI::Option& add(CLI::Option& option, const ValueRules& rules, bool is_argument) {
    if (!rules.name.empty()) option.type_name(rules.name);
    if (rules.range) {
      const auto limits = fmt::format("{} to {}", rules.range->least, rules.range->most);
      option.check(CLI::Validator(
          [range = *rules.range, limits](const std::string& word) {
            const auto number = parse_number(word);
            if (number && *number >= range.least && *number <= range.most) return std::string();
            return fmt::format("`{}` is not a number from {}", word, limits);
          },
          limits));
    }
    if (!rules.needs.empty()) option.needs(app->get_option(rules.needs));
    if (!rules.one_of.empty()) {
      option.type_name(fmt::format("{}", fmt::join(rules.one_of, "|")));
      option.check([words = rules.one_of](const std::string& word) {
        if (std::ranges::find(words, word) != words.end()) return std::string();
        return fmt::format("`{}` is not one of {}{}", word, fmt::join(words, ", "),
                           did_you_mean(word, words));
      });
    }
    // The value of an argument with a fixed set of words is named by these words, else by the argument's
    // name.
    const bool by_name = is_argument && rules.one_of.empty();
    declared.push_back({.name = option.get_name(),
                        .value = by_name ? option.get_name() : option.get_type_name(),
                        .is_argument = is_argument,
                        .repeats = option.get_items_expected_max() > 1});
    return option;
  }
};

Command::Command(std::string name, const std::string& description)
    : impl_(std::make_unique<Impl>(std::move(name), description)) {}
Command::~Command() = default;

void Command::flag(const std::string& name, bool& into, const std::string& description) {
  impl_->app->add_flag(name, into, description);
  impl_->declared.push_back({.name = name, .value = "", .is_argument = false, .repeats = false});
}
void Command::option(const std::string& name, std::string& into, const std::string& description,
                     const ValueRules& rules) {
  impl_->add(*impl_->app->add_option(name, into, description), rules, false);
}
void Command::option(const std::string& name, int& into, const std::string& description,
                     const ValueRules& rules) {
  impl_->add(*impl_->app->add_option(name, into, description), rules, false);
}
void Command::option(const std::string& name, double& into, const std::string& description,
                     const ValueRules& rules) {
  impl_->add(*impl_->app->add_option(name, into, description), rules, false);
}
void Command::option(const std::string& name, std::vector<std::string>& into, const std::string& description,
                     const ValueRules& rules) {
  impl_->add(*impl_->app->add_option(name, into, description), rules, false);
}
void Command::argument(const std::string& name, std::string& into, const std::string& description,
                       const ValueRules& rules) {
  impl_->add(*impl_->app->add_option(name, into, description), rules, true)
      .required(!impl_->hidden && !rules.may_be_absent);
}
void Command::argument(const std::string& name, std::vector<std::string>& into,
                       const std::string& description) {
  impl_->add(*impl_->app->add_option(name, into, description), {}, true).required(!impl_->hidden);
}
void Command::example(const std::string& text) { impl_->app->footer("example:\n  " + text); }
void Command::when_called(std::function<Exit()> work) { impl_->work = std::move(work); }
void Command::hide() {
  impl_->hidden = true;
  impl_->app->group("");
}
const std::string& Command::name() const { return impl_->name; }
bool Command::is_hidden() const { return impl_->hidden; }
const std::vector<Declared>& Command::declared() const { return impl_->declared; }

struct CommandLine::Impl {
  Impl(const std::string& description, std::function<std::string()> version) : app(description, "sluice") {
    app.set_version_flag("--version", std::move(version));
    app.require_subcommand(1);
  }
  CLI::App app;
  std::vector<Declared> declared{{.name = "--help", .value = "", .is_argument = false, .repeats = false},
                                 {.name = "--version", .value = "", .is_argument = false, .repeats = false}};
  std::vector<std::unique_ptr<Command>> commands;

  [[nodiscard]] const Command* called() const {
    const auto found = std::ranges::find_if(
        commands, [&](const auto& command) { return app.got_subcommand(command->name()); });
    return found == commands.end() ? nullptr : found->get();
  }
};

namespace {

std::string hint(const std::string& word, const std::vector<std::string>& known, const std::string& called) {
  auto nearest = did_you_mean(word, known);
  return nearest.empty() ? fmt::format("; see `{} --help`", called) : nearest;
}

/// A message about unexpected words, if they explain the failure better than what is missing.
std::string about_extras(const std::vector<std::string>& extras, const std::vector<std::string>& commands,
                         const std::vector<std::string>& options, bool has_command,
                         const std::string& called) {
  if (extras.empty()) return "";
  if (!has_command && extras.front()[0] != '-')
    return fmt::format("unknown command `{}`{}", extras.front(), hint(extras.front(), commands, called));
  const auto option =
      std::ranges::find_if(extras, [](const auto& word) { return word.size() > 1 && word[0] == '-'; });
  if (option == extras.end())
    return fmt::format("unexpected argument `{}`; see `{} --help`", extras.front(), called);
  const auto name = option->substr(0, option->find('='));
  if (std::ranges::find(options, name) != options.end())  // it was given before the command
    return fmt::format("`{}` must follow the command: `{} {} ...`", name, called, name);
  return fmt::format("unknown option `{}`{}", name, hint(name, options, called));
}

}  // namespace

CommandLine::CommandLine(const std::string& description, std::function<std::string()> version)
    : impl_(std::make_unique<Impl>(description, std::move(version))) {}
CommandLine::~CommandLine() = default;

Command& CommandLine::add(const std::string& name, const std::string& description) {
  auto& command = *impl_->commands.emplace_back(std::make_unique<Command>(name, description));
  impl_->app.add_subcommand(command.impl_->app);
  return command;
}

Exit CommandLine::run(int argc, char** argv) {
  try {
    impl_->app.parse(argc, argv);
    return impl_->called()->impl_->work();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return impl_->app.exit(error) == 0 ? Exit::ok : Exit::usage;
    const auto* command = impl_->called();
    const auto called = command ? "sluice " + command->name() : std::string("sluice");
    std::vector<std::string> commands;
    for (const auto& known : impl_->commands)
      if (!known->is_hidden()) commands.push_back(known->name());
    std::vector<std::string> options;
    for (const auto& option : command ? command->declared() : declared())
      if (!option.is_argument) options.push_back(option.name);
    auto text = about_extras(impl_->app.remaining(true), commands, options, command != nullptr, called);
    if (text.empty() && !command) text = "a command is required; `sluice --help` lists the commands";
    if (text.empty()) text = error.what();
    if (text == error.what() && !text.ends_with('?')) text += fmt::format("; see `{} --help`", called);
    print_text(stderr, "{}: {}\n", called, text);
    return Exit::usage;
  }
}

const std::vector<std::unique_ptr<Command>>& CommandLine::commands() const { return impl_->commands; }
const std::vector<Declared>& CommandLine::declared() const { return impl_->declared; }

}  // namespace sluice::app
