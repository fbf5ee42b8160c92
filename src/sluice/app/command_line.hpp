#pragma once
// The command line: what commands declare, and how it is parsed. CLI11 is included in command_line.cpp only:
// each file that includes it takes ten seconds longer to compile.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

/// The exit status of the program.
enum class Exit : int { ok = 0, failed = 1, usage = 2, machine = 3 };

/// How the value of an option or an argument is named in help and checked.
struct ValueRules {
  std::string name = {};  ///< in help and completion: FILE, RUN, NAME=VALUE; "": derived from its type
  std::vector<std::string> one_of = {};  ///< the allowed words; empty: any
  struct Range {
    double least, most;
  };
  std::optional<Range> range = {};
  std::string needs = {};      ///< an option declared before, which this one requires
  bool may_be_absent = false;  ///< of an argument
};

/// An option or argument of a command, as shown by help and completion.
struct Declared {
  std::string name;   ///< "--data", or the name of an argument, "RUN"
  std::string value;  ///< the name of its value, "DIR" or "bash|zsh|fish"; "": no value
  bool is_argument = false;
  bool repeats = false;
};

/// One command of the program. The variables that are declared with it must live until the command has run.
class Command {
 public:
  Command(std::string name, const std::string& description);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  void flag(const std::string& name, bool& into, const std::string& description);
  void option(const std::string& name, std::string& into, const std::string& description,
              const ValueRules& rules = {});
  void option(const std::string& name, int& into, const std::string& description,
              const ValueRules& rules = {});
  void option(const std::string& name, double& into, const std::string& description,
              const ValueRules& rules = {});
  void option(const std::string& name, std::vector<std::string>& into, const std::string& description,
              const ValueRules& rules = {});
  /// Required unless it may be absent, in the order of declaration.
  void argument(const std::string& name, std::string& into, const std::string& description = "",
                const ValueRules& rules = {});
  void argument(const std::string& name, std::vector<std::string>& into, const std::string& description = "");
  /// Shown below the help.
  void example(const std::string& text);
  /// The action of the command; called after parsing, when all declared variables are set.
  void when_called(std::function<Exit()> work);
  /// For shells, not for users: hidden from help and completion, and its arguments are optional.
  void hide();

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] bool is_hidden() const;
  [[nodiscard]] const std::vector<Declared>& declared() const;

 private:
  friend class CommandLine;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The program: its commands, in the order in which help lists them.
class CommandLine {
 public:
  /// `version` is called if it is asked for.
  CommandLine(const std::string& description, std::function<std::string()> version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command& add(const std::string& name, const std::string& description);
  /// Parses the line and runs its command. Reports an invalid line on stderr, with the nearest name of a
  /// command or an option; prints help or version on request.
  Exit run(int argc, char** argv);

  [[nodiscard]] const std::vector<std::unique_ptr<Command>>& commands() const;
  /// The options of the program itself.
  [[nodiscard]] const std::vector<Declared>& declared() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::app
