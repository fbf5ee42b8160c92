#include "sluice/app/completion.hpp"

#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

constexpr int runs_shown = 50;

std::vector<std::string> texts_at(const Result<Value>& response, std::string_view list,
                                  std::string_view field) {
  std::vector<std::string> out;
  const auto* items = response ? response->find(list) : nullptr;
  if (!items || !items->is_list()) return out;
  for (const auto& item : *items->if_list())
    if (list != "tasks" || runs::has_log(item.text_at("kind"))) out.push_back(item.text_at(field));
  return out;
}

SessionOptions options_in(const TypedLine& line) {
  const auto at = [&](const char* name) {
    const auto found = line.options.find(name);
    return found == line.options.end() ? std::string() : found->second;
  };
  SessionOptions options;
  options.data = at("--data");
  options.server = at("--server");
  options.token_file = at("--token-file");
  return options;
}

/// Empty if the platform cannot be reached: an error message would disturb the user who presses a key.
std::vector<std::string> names(std::string_view kind, const TypedLine& line) {
  const auto options = options_in(line);
  const auto data = find_data_folder(options.data);
  // Looking for names must not create a data folder.
  if (!data || (options.server.empty() && !os::exists(data->ledger()))) return {};
  const auto session = open_session(options, "complete");
  if (!session) return {};
  auto& backend = *session->backend;
  if (kind == "MODEL") return texts_at(call(backend, "GET", "/v1/models?limit=200"), "models", "model");
  if (kind == "ENDPOINT")
    return texts_at(call(backend, "GET", "/v1/endpoints?limit=1000"), "endpoints", "endpoint");
  if (kind == "TASK" && !line.arguments.empty())
    return texts_at(call(backend, "GET", "/v1/runs/" + percent_encode(line.arguments.front())), "tasks",
                    "path");
  if (kind != "RUN") return {};
  auto runs = texts_at(call(backend, "GET", fmt::format("/v1/runs?limit={}", runs_shown)), "runs", "run");
  if (!runs.empty()) runs.insert(runs.begin(), "latest");
  return runs;
}

}  // namespace

void add_completion(CommandLine& program) {
  auto shell = std::make_shared<std::string>();
  auto& command = program.add("completion", "print a shell completion script");
  command.argument("SHELL", *shell, "", {.one_of = {"bash", "zsh", "fish"}});
  command.example(
      "sluice completion bash > /etc/bash_completion.d/sluice\n  source <(sluice completion "
      "bash)");
  command.when_called([shell] {
    fmt::print("{}", completion_script(*shell));
    return Exit::ok;
  });
}

void add_complete(CommandLine& program) {
  auto words = std::make_shared<std::vector<std::string>>();
  auto& command = program.add("complete", "print completions for the scripts of `sluice completion`");
  command.hide();
  command.argument("WORD", *words);
  command.when_called([words, &program] {
    log::set_level(log::Level::off);
    const auto found = complete(program, *words, names);
    for (const auto& word : found.words) fmt::print("{}\n", word);
    if (found.files && found.words.empty()) fmt::print(":files\n");
    return Exit::ok;
  });
}

}  // namespace sluice::app
