#pragma once
// The command line: what commands declare, and how it is parsed. CLI11 stays in command_line.cpp: each file
// that includes it takes ten seconds longer to compile.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

/// What a shell sees.
enum class Exit : int { ok = 0, failed = 1, usage = 2, machine = 3 };

/// How the value of an option or of an argument is shown and checked.
struct ValueRules {
  std::string name = {};  ///< in help and for completion: FILE, RUN, NAME=VALUE; "" : by its type
  std::vector<std::string> one_of = {};  ///< the words it takes; empty: any
  struct Range {
    double least, most;
  };
  std::optional<Range> range = {};
  std::string needs = {};  ///< an option declared before, without which this one is refused
};

/// What a command takes, as help and completion see it.
struct Declared {
  std::string name;   ///< "--data"; of an argument "RUN"
  std::string value;  ///< what its value is called, "DIR" or "bash|zsh|fish"; "" : it takes none
  bool is_argument = false;
  bool repeats = false;
};

/// One command of the program. What is declared with it must live until the command has run.
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
  /// Required, in the order of declaration.
  void argument(const std::string& name, std::string& into, const std::string& description = "",
                const ValueRules& rules = {});
  void argument(const std::string& name, std::vector<std::string>& into, const std::string& description = "");
  /// Shown below the help.
  void example(const std::string& text);
  /// What the command does; called after parsing, with everything declared filled in.
  void when_called(std::function<Exit()> work);
  /// For shells, not for people: neither help nor completion shows it, and its arguments may be absent.
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
  CommandLine(const std::string& description, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command& add(const std::string& name, const std::string& description);
  /// Parses and runs the one command that is named. Where the line is wrong, says so on stderr with the
  /// nearest name of a command or an option; prints help or version where that was asked for.
  Exit run(int argc, char** argv);

  [[nodiscard]] const std::vector<std::unique_ptr<Command>>& commands() const;
  /// Of the program itself.
  [[nodiscard]] const std::vector<Declared>& declared() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::app
