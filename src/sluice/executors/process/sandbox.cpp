#include "sluice/executors/process/sandbox.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <sys/stat.h>

#include "sluice/base/words.hpp"
#include "sluice/executors/process/arguments.hpp"
#include "sluice/executors/process/function_call.hpp"
#include "sluice/executors/process/programs.hpp"
#include "sluice/ir/secret.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t segment_bytes_max = 200;

using engine::Failure;

Failure failure(std::string kind, std::string message) {
  return {.kind = std::move(kind), .message = std::move(message), .payload = {}};
}

/// Creates an empty log: the output of an earlier try of this attempt is dropped.
Result<void> make_log(const Places& places) {
  const auto spare = places.root / SpareFolders::log;
  if (rename(spare.c_str(), places.log.c_str()) == 0) return {};
  SLUICE_DO(os::make_directories(places.log.parent_path()));
  if (rename(spare.c_str(), places.log.c_str()) == 0) return {};
  return os::write_file(places.log, "", 0600);
}

/// Whether the value needs no input: copies of inputs may be large; everything else takes microseconds.
bool is_plain(const Value& value) {
  if (value.is_artifact()) return false;
  if (const auto* list = value.if_list()) return std::ranges::all_of(*list, is_plain);
  if (const auto* fields = value.if_struct())
    return std::ranges::all_of(*fields, [](const auto& field) { return is_plain(field.second); });
  const auto* late = value.if_late();
  return late == nullptr || std::ranges::none_of(late->parts, [](const auto& part) {
           const auto* hole = std::get_if<PathPlaceholder>(&part);
           return hole && hole->kind == PathPlaceholder::Kind::input;
         });
}

Result<void> make_folders(const ports::Attempt& attempt, const Places& places, ports::ObjectStore& objects,
                          SpareFolders& spares) {
  // A server that died in the middle of this may have left an incomplete sandbox.
  SLUICE_DO(os::remove_tree(places.root));
  if (attempt.work.code || !spares.take(places.root)) {
    SLUICE_DO(os::make_directories(places.root));
    SLUICE_DO(attempt.work.code ? objects.copy_out(*attempt.work.code, places.cwd())
                                : os::make_directories(places.cwd()));
    SLUICE_DO(os::make_directories(places.tmp()));
    SLUICE_DO(os::make_directories(places.home()));
    // Whatever the umask: by these modes `spares` sees that a task has changed none.
    for (const auto& folder : {places.root, places.cwd(), places.tmp(), places.home()})
      SLUICE_DO(os::set_mode(folder, 0755));
  }
  if (!attempt.work.outputs.empty()) {
    SLUICE_DO(os::make_directories(places.root / "out"));
  }
  return make_log(places);
}

Result<std::string> value_of(const std::string& secret, const ports::Attempt& attempt,
                             const ports::Secrets* secrets) {
  if (secrets == nullptr) return Fail(user_error(Code::not_found, "there are no secrets here"));
  SLUICE_TRY(found, secrets->find(attempt.principal.workspace, secret));
  if (!found)
    return Fail(
        user_error(Code::not_found, fmt::format("there is no secret `{}` any more; set it again", secret)));
  return std::move(found->value);
}

/// Those of `env` that are the same for every attempt of equal tasks; `of_attempt` are not.
std::vector<std::string> shared_variables(const engine::TaskSpec& work, const std::vector<std::string>& env,
                                          const std::vector<std::string>& of_attempt) {
  std::vector<std::string> out;
  for (const auto& variable : env) {
    const auto name = variable.substr(0, variable.find('='));
    const auto* of_plan = work.env.find(name);
    const bool is_own = std::ranges::find(of_attempt, variable) != of_attempt.end() || name == "HOME" ||
                        name == "TMPDIR" || name == "CUDA_VISIBLE_DEVICES" || name.starts_with("SLUICE_") ||
                        (of_plan != nullptr && !of_plan->is_string());
    if (!is_own) out.push_back(variable);
  }
  return out;
}

/// "NAME=value" for all.
struct Variables {
  std::vector<std::string> plain;
  std::vector<std::string> secrets;
};

/// `defaults` and those of every task; the variables of the plan override, except for the devices that the
/// task was given.
std::expected<Variables, Failure> variables_of(const ports::Attempt& attempt,
                                               std::vector<std::string> defaults, const Places& seen,
                                               Arguments& arguments, const SandboxOptions& options) {
  Variables variables{.plain = std::move(defaults), .secrets = {}};
  auto& env = variables.plain;
  env.insert(env.end(), {"SLUICE_RUN=" + attempt.run.text, "SLUICE_TASK=" + attempt.path,
                         "SLUICE_ATTEMPT=" + attempt.fence.text,
                         "SLUICE_PROGRESS=" + progress_path(seen.root).string()});
  env.insert(env.end(), options.variables.begin(), options.variables.end());
  for (const auto& [name, value] : attempt.work.env) {
    if (name.empty() || name.find('=') != std::string::npos || name.starts_with("SLUICE_"))
      return std::unexpected(failure(
          "start", fmt::format("`env` sets `{}`; the name of a variable must not be empty, contain `=`, or "
                               "begin with SLUICE_",
                               name)));
    const auto secret = ir::secret_in(value);
    auto text = secret ? value_of(*secret, attempt, options.secrets) : arguments.text_of(value);
    if (!text) return std::unexpected(failure(secret ? "start" : "input", text.error().message));
    std::erase_if(env, [&](const std::string& set) { return set.starts_with(name + "="); });
    (secret ? variables.secrets : env).push_back(name + "=" + *text);
  }
  if (attempt.work.resources.gpu > 0) {
    std::string devices;
    for (const auto gpu : attempt.work.gpus) devices += (devices.empty() ? "" : ",") + std::to_string(gpu);
    const auto is_it = [](const std::string& set) { return set.starts_with("CUDA_VISIBLE_DEVICES="); };
    std::erase_if(env, is_it);
    std::erase_if(variables.secrets, is_it);
    env.push_back("CUDA_VISIBLE_DEVICES=" + devices);
  }
  return variables;
}

/// The environment of a process, complete.
std::expected<std::vector<std::string>, Failure> environment_of(const ports::Attempt& attempt,
                                                                const Places& places, Arguments& arguments,
                                                                const SandboxOptions& options) {
  auto variables = variables_of(attempt,
                                {"PATH=" + std::string(task_path), "HOME=" + places.home().string(),
                                 "TMPDIR=" + places.tmp().string(), "LANG=C.UTF-8"},
                                places, arguments, options);
  if (!variables) return std::unexpected(std::move(variables).error());
  auto env = std::move(variables->plain);
  env.insert(env.end(), std::make_move_iterator(variables->secrets.begin()),
             std::make_move_iterator(variables->secrets.end()));
  if (attempt.work.is_python()) add_call_variables(attempt.work, env);
  if (const auto& python = options.environment; !python.empty()) {
    const auto path = std::ranges::find_if(env, [](const auto& set) { return set.starts_with("PATH="); });
    path->insert(std::string_view("PATH=").size(), (python / "bin").string() + ":");
    std::erase_if(env, [](const std::string& set) { return set.starts_with("VIRTUAL_ENV="); });
    env.push_back("VIRTUAL_ENV=" + python.string());
  }
  return env;
}

/// An argument or variable with a NUL would be truncated there silently.
std::optional<Failure> refuse_nul(const supervisor::Start& start) {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  for (std::size_t i = 0; i < start.argv.size(); ++i)
    if (has_nul(start.argv[i]))
      return failure(
          "start",
          fmt::format("argument {} contains a NUL character, which cannot be passed to a program", i));
  for (const auto& variable : start.env)
    if (has_nul(variable))
      return failure(
          "start",
          fmt::format("the variable `{}` contains a NUL character, which cannot be passed to a program",
                      variable.substr(0, std::min(variable.find('='), variable.find('\0')))));
  return std::nullopt;
}

/// Completes the start of a container: by a command of its engine.
std::expected<void, Failure> run_in_container(const ports::Attempt& attempt, const Places& places,
                                              ports::ObjectStore& objects, const SandboxOptions& options,
                                              supervisor::Start& start) {
  if (options.containers == nullptr)
    return std::unexpected(failure("start", "containers are not supported here"));
  const Places seen{.root = container_root, .log = {}};
  Arguments arguments(places, seen, objects, true);
  ports::Containers::Container container{.fence = attempt.fence.text,
                                         .task = container_task(attempt),
                                         .image = attempt.work.image,
                                         .cwd = seen.cwd().string(),
                                         .memory_max = attempt.work.resources.memory,
                                         .cpu_max = attempt.work.cpu_max};
  auto command = arguments.argv_of(attempt.work.argv);
  if (!command) return std::unexpected(failure("input", command.error().message));
  auto args = arguments.argv_of(attempt.work.args);
  if (!args) return std::unexpected(failure("input", args.error().message));
  container.command = std::move(*command);
  container.args = std::move(*args);
  auto variables = variables_of(attempt, {}, seen, arguments, options);
  if (!variables) return std::unexpected(std::move(variables).error());
  container.env = std::move(variables->plain);
  container.secrets = std::move(variables->secrets);
  container.mounts.push_back(
      {.source = places.root.string(), .target = seen.root.string(), .writable = true});
  // Whoever the program is in the container, it can write its outputs: others cannot enter the data folder.
  for (const auto& [folder, mode] : {std::pair(places.root, 0777), std::pair(places.cwd(), 0777),
                                     std::pair(places.root / "out", 0777), std::pair(places.in(), 0755)})
    if (os::exists(folder))
      if (auto set = os::set_mode(folder, static_cast<mode_t>(mode)); !set)
        return std::unexpected(failure("start", set.error().message));
  if (os::exists(places.in()))
    container.mounts.push_back({.source = places.in().string(), .target = seen.in().string()});
  for (auto& mount : arguments.mounts())
    container.mounts.push_back({.source = std::move(mount.source), .target = std::move(mount.target)});
  auto made = options.containers->command(container);
  if (!made) return std::unexpected(failure("start", made.error().message));
  start.program = std::move(made->program);
  start.argv = std::move(made->argv);
  start.env = std::move(made->env);
  return {};
}

}  // namespace

std::string container_task(const ports::Attempt& attempt) { return attempt.run.text + "/" + attempt.path; }

std::string segment_of(const std::string& text) {
  // "{", "}" and brackets are common in task paths and harmless in file names.
  auto name = percent_encode(text, "[]{}!#");
  if (name.starts_with('.')) name = "%2E" + name.substr(1);
  if (name.empty()) return "%";
  if (name.size() <= segment_bytes_max) return name;
  return name.substr(0, segment_bytes_max - 65) + "=" + Digest::of(text).hex();
}

std::filesystem::path Places::out(const std::string& output) const {
  return root / "out" / segment_of(output);
}

std::filesystem::path root_of(const std::filesystem::path& data, const std::string& fence) {
  return data / "work" / (std::string(root_prefix) + segment_of(fence));
}

std::filesystem::path progress_path(const std::filesystem::path& root) { return root / "progress"; }

std::filesystem::path log_path(const std::filesystem::path& data, const RunId& run, const std::string& path,
                               int number) {
  return data / "logs" / segment_of(run.text) / fmt::format("{}.{}.log", segment_of(path), number);
}

void release_log(const Places& places) {
  struct stat info{};
  if (stat(places.log.c_str(), &info) == 0 && info.st_size == 0)
    static_cast<void>(rename(places.log.c_str(), (places.root / SpareFolders::log).c_str()));
}

bool is_light(const engine::TaskSpec& work) {
  // The end of a container may have to be seen to.
  return work.kind == engine::TaskSpec::Kind::process && !work.code && is_plain(work.argv) &&
         is_plain(Value(work.with)) && is_plain(work.env) &&
         std::ranges::none_of(work.outputs, [](const ir::TaskOutput& output) {
           return output.type.kind == ir::Type::Kind::artifact;
         });
}

Places places_of(const std::filesystem::path& data, const ports::Attempt& attempt) {
  return {.root = root_of(data, attempt.fence.text),
          .log = log_path(data, attempt.run, attempt.path, attempt.number)};
}

std::expected<supervisor::Start, Failure> prepare_sandbox(const ports::Attempt& attempt, const Places& places,
                                                          ports::ObjectStore& objects, SpareFolders& spares,
                                                          const SandboxOptions& options) {
  if (auto made = make_folders(attempt, places, objects, spares); !made)
    return std::unexpected(failure("start", made.error().message));

  supervisor::Start start{.fence = attempt.fence.text,
                          .cwd = places.cwd().string(),
                          .log = places.log.string(),
                          .log_bytes_max = log_bytes_max};
  if (attempt.work.kind == engine::TaskSpec::Kind::container) {
    if (auto made = run_in_container(attempt, places, objects, options, start); !made)
      return std::unexpected(std::move(made).error());
    if (auto refused = refuse_nul(start)) return std::unexpected(std::move(*refused));
    return start;
  }
  start.memory_max = static_cast<std::uint64_t>(attempt.work.resources.memory);
  Arguments arguments(places, places, objects, options.mounts);
  auto argv = attempt.work.is_python() ? prepare_call(attempt.work, places, arguments)
                                       : arguments.argv_of(attempt.work.argv);
  if (!argv) return std::unexpected(failure("input", argv.error().message));
  start.argv = std::move(*argv);
  if (start.argv.empty())
    return std::unexpected(failure("start", "the command has no program: every argument is absent"));
  auto env = environment_of(attempt, places, arguments, options);
  if (!env) return std::unexpected(std::move(env).error());
  start.env = std::move(*env);
  start.mounts = std::move(arguments.mounts());
  if (options.mounts && !options.environment.empty())
    start.mounts.push_back({.source = options.environment.string(), .target = options.environment.string()});
  if (start.mounts.size() > supervisor::mounts_max)
    return std::unexpected(failure(
        "input",
        fmt::format(
            "{} inputs are folders or files over 1 MiB; at most {} can be mounted; put them into one folder",
            start.mounts.size(), supervisor::mounts_max)));
  if (auto refused = refuse_nul(start)) return std::unexpected(std::move(*refused));

  std::string path(task_path);
  for (const auto& variable : start.env)
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  auto program = find_program_of(start.argv.front(), path, places.cwd());
  if (!program) return std::unexpected(failure("start", program.error().message));
  start.program = program->string();
  if (attempt.work.is_python())
    start.branch =
        branch_for(start, attempt.work, shared_variables(attempt.work, start.env, options.variables),
                   options.environment);
  return start;
}

}  // namespace sluice::executors
