#include "sluice/frontends/kubeflow/commands.hpp"

#include <algorithm>
#include <cctype>

#include "sluice/ir/python_requirements.hpp"

namespace sluice::frontends::kubeflow {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

/// The words of a script, as a shell splits them; nullopt for what it would have to evaluate inside quotes
/// that are taken away.
std::optional<std::vector<std::string>> words_of(std::string_view script) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if (is_space(c)) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (c != '\'' && c != '"') {
      word += c;
      continue;
    }
    const auto end = script.find(c, i + 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto quoted = script.substr(i + 1, end - i - 1);
    const bool evaluated = c == '"' && quoted.find_first_of("$`\\") != std::string_view::npos;
    // Kept with its quotes, so that it is only equal to what is expected.
    word += evaluated ? std::string(script.substr(i, end - i + 1)) : std::string(quoted);
    i = end;
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

bool is_package(const std::string& word) {
  const auto read = ir::read_requirement(word);
  return read &&
         (read->kind == ir::Requirement::Place::none || read->kind == ir::Requirement::Place::address);
}

class InstallationReader {
 public:
  explicit InstallationReader(std::vector<std::string> words) : words_(std::move(words)) {}

  std::optional<Installation> run() {
    // What installs pip, which is there.
    if (!take({"if", "!",       "[",       "-x",          "\"$(command -v pip)\"",
               "];", "then",    "python3", "-m",          "ensurepip",
               "||", "python3", "-m",      "ensurepip",   "--user",
               "||", "apt-get", "install", "python3-pip", "fi"}))
      return std::nullopt;
    take({"PIP_DISABLE_PIP_VERSION_CHECK=1"});
    do {
      // An environment of its own, which each task has here: before kfp, which came first up to 2.13.
      take({"export", "PIP_DISABLE_PIP_VERSION_CHECK=1", "tmp=$(mktemp", "-d)", "python3", "-m", "venv",
            "\"$tmp/venv\"", "--system-site-packages", ".", "\"$tmp/venv/bin/activate\""});
      if (!take({"python3", "-m", "pip", "install"}) || !packages() || !take({"&&"})) return std::nullopt;
    } while (!take({"\"$0\"", "\"$@\""}));
    if (at_ != words_.size()) return std::nullopt;
    return made_;
  }

 private:
  bool take(std::initializer_list<std::string_view> expected) {
    if (words_.size() - at_ < expected.size()) return false;
    if (!std::equal(expected.begin(), expected.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_)))
      return false;
    at_ += expected.size();
    return true;
  }

  /// The arguments of one command of pip, up to `&&`.
  bool packages() {
    std::vector<std::string> found;
    bool alone = false;
    for (; at_ < words_.size() && words_[at_] != "&&"; ++at_) {
      const auto& word = words_[at_];
      if (word == "--quiet" || word == "--no-warn-script-location") continue;
      if (word == "--no-deps") {
        alone = true;
      } else if (word == "--index-url" || word == "--extra-index-url" || word == "--trusted-host") {
        if (++at_ == words_.size()) return false;
        if (word != "--trusted-host") add(words_[at_], made_.indexes);
      } else if (!is_package(word)) {
        return false;
      } else {
        found.push_back(word);
      }
    }
    for (const auto& word : found) add(word, alone ? made_.without_dependencies : made_.requirements);
    return !found.empty();
  }

  static void add(const std::string& word, std::vector<std::string>& to) {
    if (std::ranges::find(to, word) == to.end()) to.push_back(word);
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
  Installation made_;
};

bool matches(std::string_view text, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (auto at = star; at <= text.size(); ++at)
    if (matches(text.substr(at), rest)) return true;
  return false;
}

}  // namespace

std::optional<Installation> installation_of(const std::vector<Text>& command) {
  constexpr std::size_t words = 3;
  constexpr std::size_t script_bytes_max = 64 << 10;
  if (command.size() <= words || command[0].text != "sh" || command[1].text != "-c" ||
      command[2].text.size() > script_bytes_max)
    return std::nullopt;
  auto split = words_of(command[2].text);
  if (!split) return std::nullopt;
  auto made = InstallationReader(std::move(*split)).run();
  if (made) made->words = words;
  return made;
}

std::string_view executor_module(const std::vector<Text>& command, std::size_t from) {
  if (command.size() != from + 4 || command[from].text != "sh" ||
      (command[from + 1].text != "-ec" && command[from + 1].text != "-c"))
    return {};
  const auto words = words_of(command[from + 2].text);
  if (!words) return {};
  using Words = std::vector<std::string_view>;
  for (const auto& [module, start] :
       {std::pair<std::string_view, Words>{"kfp.dsl.executor_main", {"_KFP_RUNTIME=true"}},
        {"kfp.components.executor_main", {}}}) {  // of 2.0
    Words expected{"program_path=$(mktemp",
                   "-d)",
                   "printf",
                   "%s",
                   "\"$0\"",
                   ">",
                   "\"$program_path/ephemeral_component.py\""};
    expected.insert(expected.end(), start.begin(), start.end());
    expected.insert(expected.end(), {"python3", "-m", module, "--component_module_path",
                                     "\"$program_path/ephemeral_component.py\"", "\"$@\""});
    if (std::ranges::equal(*words, expected)) return module;
  }
  return {};
}

bool is_python_image(std::string_view image, const std::vector<std::string>& patterns) {
  auto name = image;
  for (const std::string_view prefix : {"docker.io/", "index.docker.io/", "library/"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return name == "python" || name.starts_with("python:") || name.starts_with("python@") ||
         std::ranges::any_of(patterns, [&](const auto& pattern) { return matches(image, pattern); });
}

std::string python_version_of(std::string_view image) {
  const auto colon = image.rfind(':');
  if (colon == std::string_view::npos) return "";
  auto tag = image.substr(colon + 1);
  const auto end = std::min(tag.find_first_not_of("0123456789."), tag.size());
  tag = tag.substr(0, end);
  const auto second = tag.find('.');
  if (second == std::string_view::npos) return "";
  tag = tag.substr(0, tag.find('.', second + 1));
  return ir::is_python_version(tag) ? std::string(tag) : "";
}

}  // namespace sluice::frontends::kubeflow
