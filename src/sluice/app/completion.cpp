#include "sluice/app/completion.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace sluice::app {
namespace {

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> out;
  for (;;) {
    const auto end = text.find(by);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

const Declared* option_named(const Command& command, std::string_view name) {
  const auto found = std::ranges::find_if(command.declared(), [&](const Declared& declared) {
    return !declared.is_argument && declared.name == name;
  });
  return found == command.declared().end() ? nullptr : &*found;
}

bool takes_value(const Declared* option) { return option && !option->value.empty(); }

const Declared* argument_at(const Command& command, std::size_t index) {
  std::vector<const Declared*> arguments;
  for (const auto& declared : command.declared())
    if (declared.is_argument) arguments.push_back(&declared);
  if (index < arguments.size()) return arguments[index];
  return !arguments.empty() && arguments.back()->repeats ? arguments.back() : nullptr;
}

/// Adds the values of a kind: "RUN|MODEL[@VERSION]" means names of two kinds; "bash|zsh" are literal words;
/// FILE and DIR are left to the shell.
void add_values(const std::string& what, const TypedLine& line, const Names& names, Completion& out) {
  for (const auto& part : split(what, '|')) {
    const auto kind = part.substr(0, part.find('['));
    if (kind == "FILE" || kind == "DIR") {
      out.files = true;
    } else if (kind == "RUN" || kind == "TASK" || kind == "MODEL" || kind == "ENDPOINT") {
      std::ranges::move(names(kind, line), std::back_inserter(out.words));
    } else if (std::ranges::none_of(kind, [](unsigned char c) { return std::isupper(c) != 0; })) {
      out.words.push_back(part);
    }
  }
}

void keep_with_prefix(const std::string& prefix, Completion& out) {
  std::erase_if(out.words, [&](const auto& word) { return !word.starts_with(prefix); });
}

/// The position of the cursor: after an option that needs its value, or at an argument.
struct Cursor {
  TypedLine line;
  const Declared* option = nullptr;
};

Cursor read_line(const Command& command, const std::vector<std::string>& words) {
  Cursor cursor{.line = {.command = command.name(), .arguments = {}, .options = {}}, .option = nullptr};
  std::string option_name;
  for (const auto& word : words) {
    if (word == "=" && cursor.option) continue;  // bash splits `--data=x` into three words
    if (cursor.option) {
      cursor.line.options[option_name] = word;
      cursor.option = nullptr;
    } else if (word.starts_with("--")) {
      const auto equals = word.find('=');
      option_name = word.substr(0, equals);
      const auto* option = option_named(command, option_name);
      if (equals != std::string::npos)
        cursor.line.options[option_name] = word.substr(equals + 1);
      else if (takes_value(option))
        cursor.option = option;
    } else {
      cursor.line.arguments.push_back(word);
    }
  }
  return cursor;
}

}  // namespace

Completion complete(const CommandLine& program, const std::vector<std::string>& words, const Names& names) {
  Completion out;
  auto last = words.empty() ? std::string() : words.back();
  const auto add_options = [&](const std::vector<Declared>& of) {
    for (const auto& declared : of)
      if (!declared.is_argument) out.words.push_back(declared.name);
  };
  if (words.size() < 2) {
    if (last.starts_with("-")) add_options(program.declared());
    for (const auto& command : program.commands())
      if (!command->is_hidden()) out.words.push_back(command->name());
    keep_with_prefix(last, out);
    return out;
  }
  const auto found = std::ranges::find_if(program.commands(), [&](const auto& command) {
    return !command->is_hidden() && command->name() == words.front();
  });
  if (found == program.commands().end()) return out;
  const Command& command = **found;
  const auto cursor = read_line(command, {words.begin() + 1, words.end() - 1});
  if (cursor.option) {
    if (last == "=") last.clear();
    add_values(cursor.option->value, cursor.line, names, out);
  } else if (const auto equals = last.find('='); last.starts_with("--") && equals != std::string::npos) {
    if (const auto* option = option_named(command, last.substr(0, equals)); takes_value(option))
      add_values(option->value, cursor.line, names, out);
    for (auto& word : out.words) word.insert(0, last.substr(0, equals + 1));
  } else if (last.starts_with("-")) {
    add_options(command.declared());
  } else if (const auto* argument = argument_at(command, cursor.line.arguments.size())) {
    add_values(argument->value, cursor.line, names, out);
  }
  keep_with_prefix(last, out);
  return out;
}

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash")
    return R"(# Completion of sluice for bash:  source <(sluice completion bash)
_sluice() {
  local answer
  COMPREPLY=()
  answer=$("${1/#\~/$HOME}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  if [[ $answer == :files ]]; then
    compopt -o default
  elif [[ -n $answer ]]; then
    mapfile -t COMPREPLY <<<"$answer"
  fi
}
complete -F _sluice sluice
)";
  if (shell == "zsh")
    return R"(#compdef sluice
# Completion of sluice for zsh:  source <(sluice completion zsh)
_sluice() {
  local -a answer
  answer=("${(@f)$("${words[1]/#\~/$HOME}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $answer[1] == :files ]]; then
    _files
  elif [[ -n $answer[1] ]]; then
    compadd -- "${answer[@]}"
  fi
}
compdef _sluice sluice
)";
  return R"(# Completion of sluice for fish:  sluice completion fish | source
function __sluice_complete
  set -l words (commandline --tokenize --current-process --cut-at-cursor)
  set -l token (commandline --current-token --cut-at-cursor)
  set -l answer ($words[1] complete -- $words[2..] "$token" 2>/dev/null)
  if test "$answer[1]" = :files
    __fish_complete_path "$token"
  else
    string join \n -- $answer
  end
end
complete --command sluice --no-files --arguments '(__sluice_complete)'
)";
}

}  // namespace sluice::app
