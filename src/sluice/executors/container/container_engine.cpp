#include "sluice/executors/container/container_engine.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/base/digest.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/image_reference.hpp"
#include "sluice/os/captured.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t output_bytes_max = std::size_t{1} << 20;
constexpr std::size_t line_bytes_max = 500;
constexpr std::size_t digest_digits = 64;
constexpr std::string_view sha256 = "sha256:";
constexpr std::string_view task_label = "sluice.task=";

/// What `podman run` and `docker run` exit with if it was not the program that exited.
enum RunStatus : int { engine_failed = 125, cannot_execute = 126, no_program = 127 };

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return words;
    text.remove_prefix(first);
    words.emplace_back(text.substr(0, text.find(' ')));
    text.remove_prefix(words.back().size());
  }
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_docker(const std::string& program) { return file_name(program).starts_with("docker"); }

/// "sluice-" and the fence; of one that cannot be a part of a container's name, its digest.
std::string name_of(const std::string& fence) {
  constexpr std::size_t fence_bytes_max = 100;
  const bool fits =
      !fence.empty() && fence.size() <= fence_bytes_max && std::ranges::all_of(fence, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '-';
      });
  return "sluice-" + (fits ? fence : Digest::of(fence).hex());
}

std::string label_of(const std::string& task) { return std::string(task_label) + Digest::of(task).hex(); }

/// Removes the last line that is not empty, and returns it.
std::string_view take_last_line(std::string_view& text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return text = {};
  text = text.substr(0, end + 1);
  const auto newline = text.rfind('\n');
  const auto first = newline == std::string_view::npos ? 0 : newline + 1;
  const auto line = text.substr(first);
  text = text.substr(0, first);
  return line;
}

/// What an engine says is wrong, in its last line; "": it says nothing. A program may print the same, but not
/// by chance at the end and with one of the engine's statuses.
std::string complaint_in(std::string_view output) {
  auto line = take_last_line(output);
  if (line.find("--help") != std::string_view::npos) line = take_last_line(output);  // where to read more
  constexpr std::array beginnings{"Error: ", "docker: ", "Error response from daemon: "};
  for (const std::string_view beginning : beginnings)
    if (line.starts_with(beginning)) return as_utf8(line.substr(beginning.size(), line_bytes_max));
  return {};
}

std::string last_line(std::string_view output) {
  return as_utf8(take_last_line(output).substr(0, line_bytes_max));
}

/// An argument of `--mount`, whose fields are separated by commas.
Result<std::string> mount_of(const ports::Containers::Mount& mount) {
  for (const auto& path : {mount.source, mount.target})
    if (path.find_first_of(",\"\n") != std::string::npos)
      return Fail(environment_error(
          Code::failed_precondition,
          fmt::format(
              "`{}` cannot be mounted in a container, because of a comma, quote or newline in its path; "
              "use another data folder",
              path)));
  return fmt::format("--mount=type=bind,source={},target={}{}", mount.source, mount.target,
                     mount.writable ? "" : ",readonly");
}

}  // namespace

ContainerEngine::Settings ContainerEngine::settings_of(const char* const* environment) {
  constexpr std::array names{"PATH",
                             "HOME",
                             "USER",
                             "LOGNAME",
                             "TMPDIR",
                             "SSL_CERT_FILE",
                             "SSL_CERT_DIR",
                             "HTTPS_PROXY",
                             "HTTP_PROXY",
                             "ALL_PROXY",
                             "NO_PROXY",
                             "https_proxy",
                             "http_proxy",
                             "all_proxy",
                             "no_proxy",
                             "REGISTRY_AUTH_FILE",
                             "DBUS_SESSION_BUS_ADDRESS"};
  constexpr std::array prefixes{"CONTAINERS_", "CONTAINER_", "DOCKER_", "XDG_"};
  Settings settings;
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable(*environment);
    const auto name = variable.substr(0, variable.find('='));
    const auto value = variable.substr(std::min(variable.size(), name.size() + 1));
    if (name == "SLUICE_CONTAINER_ENGINE")
      settings.engine = words_of(value);
    else if (name == "SLUICE_CONTAINER_RUN_OPTIONS")
      settings.run_options = words_of(value);
    else if (std::ranges::find(names, name) != names.end() ||
             std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); }))
      settings.environment.emplace_back(variable);
  }
  return settings;
}

ContainerEngine::ContainerEngine(Settings settings, Limits limits)
    : settings_(std::move(settings)), limits_(limits) {}

Result<std::string> ContainerEngine::program() const {
  std::string path;
  for (const auto& variable : settings_.environment)
    if (variable.starts_with("PATH=")) path = variable.substr(std::string_view("PATH=").size());
  constexpr std::string_view how = "install podman (Debian: apt-get install podman) or docker";
  if (!settings_.engine.empty()) {
    const auto& name = settings_.engine.front();
    if (name.find('/') != std::string::npos) return name;
    if (const auto found = os::find_program(name, path)) return found->string();
    return Fail(user_error(
        Code::failed_precondition,
        fmt::format("there is no program `{}`, which SLUICE_CONTAINER_ENGINE names, in PATH={}; {}", name,
                    path, how)));
  }
  for (const auto* name : {"podman", "docker"})
    if (const auto found = os::find_program(name, path)) return found->string();
  return Fail(user_error(Code::failed_precondition,
                         fmt::format("there is no container engine on this machine; {}", how)));
}

Result<ContainerEngine::Answer> ContainerEngine::ask(const std::vector<std::string>& words,
                                                     std::chrono::milliseconds limit) const {
  SLUICE_TRY(found, program());
  std::vector<std::string> argv{found};
  if (!settings_.engine.empty())
    argv.insert(argv.end(), settings_.engine.begin() + 1, settings_.engine.end());
  argv.insert(argv.end(), words.begin(), words.end());
  auto done = os::run_captured(
      {.program = found, .argv = std::move(argv), .env = settings_.environment, .cwd = "/", .fds = {}}, limit,
      output_bytes_max);
  if (!done)
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("the container engine cannot be started: {}", done.error().message)));
  Answer answer{.engine = file_name(found),
                .succeeded = done->exit.succeeded() && !done->timed_out,
                .timed_out = done->timed_out,
                .out = std::move(done->out),
                .problem = {}};
  if (answer.succeeded) return answer;
  if (done->timed_out)
    answer.problem = fmt::format("it has not ended within {} s", limit.count() / 1000);
  else if (done->exit.signal != 0)
    answer.problem = fmt::format("it was ended by signal {}", done->exit.signal);
  else
    answer.problem = complaint_in(done->error);
  if (answer.problem.empty()) answer.problem = last_line(done->error);
  if (answer.problem.empty()) answer.problem = fmt::format("exit status {}", done->exit.status);
  return answer;
}

Result<std::string> ContainerEngine::version() {
  SLUICE_TRY(found, program());
  const auto* field = is_docker(found) ? "{{.ServerVersion}}" : "{{.Version.Version}}";
  SLUICE_TRY(answer, ask({"info", "--format", field}));
  if (!answer.succeeded)
    return Fail(environment_error(Code::unavailable,
                                  fmt::format("{} does not work: {}", answer.engine, answer.problem)));
  return fmt::format("{} {}", answer.engine, last_line(answer.out));
}

/// nullopt: it is not on this machine.
Result<std::optional<std::string>> ContainerEngine::find_image(const std::string& image) const {
  SLUICE_TRY(answer, ask({"image", "inspect", image}));
  if (!answer.succeeded) {
    for (const std::string_view absent : {"image not known", "No such image", "no such image"})
      if (answer.problem.find(absent) != std::string::npos) return std::nullopt;
    return Fail(environment_error(Code::unavailable,
                                  fmt::format("{} does not work: {}", answer.engine, answer.problem)));
  }
  const auto read = parse_json(answer.out);
  const auto* images = read ? read->if_list() : nullptr;
  auto id = images != nullptr && !images->empty() ? images->front().text_at("Id") : std::string();
  if (id.starts_with(sha256)) id.erase(0, sha256.size());
  const bool is_digest = id.size() == digest_digits && std::ranges::all_of(id, [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                         });
  if (!is_digest)
    return Fail(environment_error(
        Code::unavailable, fmt::format("{} does not say what the image `{}` is", answer.engine, image)));
  return std::string(sha256) + id;
}

Result<std::string> ContainerEngine::resolve(const std::string& image) {
  SLUICE_TRY(found, find_image(image));
  if (found) return *found;
  if (ir::image_name(image).starts_with("localhost/"))
    return Fail(user_error(Code::not_found,
                           fmt::format("there is no image `{}` on this machine, where it would have to be "
                                       "built; check its name, or build it",
                                       image)));
  SLUICE_TRY(pulled, ask({"pull", "--quiet", image}, limits_.pull));
  if (!pulled.succeeded)
    return Fail(user_error(Code::not_found, fmt::format("{} cannot get the image `{}`: {}", pulled.engine,
                                                        image, pulled.problem)));
  SLUICE_TRY(got, find_image(image));
  if (got) return *got;
  return Fail(environment_error(
      Code::unavailable, fmt::format("{} got the image `{}`, and does not find it", pulled.engine, image)));
}

Result<ports::Containers::Command> ContainerEngine::command(const Container& container) {
  SLUICE_TRY(found, program());
  Command made{.program = found, .argv = {found}, .env = settings_.environment};
  auto& argv = made.argv;
  if (!settings_.engine.empty())
    argv.insert(argv.end(), settings_.engine.begin() + 1, settings_.engine.end());
  // Its output goes to the log of the attempt, which has a limit; the engine would keep all of it again.
  for (const auto* option :
       {"run", "--rm", "--pull=never", "--log-driver=none", "--security-opt=no-new-privileges"})
    argv.emplace_back(option);
  argv.push_back("--name=" + name_of(container.fence));
  argv.push_back("--label=" + label_of(container.task));
  argv.push_back("--workdir=" + container.cwd);
  for (const auto& mount : container.mounts) {
    SLUICE_TRY(option, mount_of(mount));
    argv.push_back(std::move(option));
  }
  if (container.memory_max > 0) argv.push_back(fmt::format("--memory={}b", container.memory_max));
  if (container.cpu_max > 0)
    argv.push_back(fmt::format("--cpus={}.{:03}", container.cpu_max / 1000, container.cpu_max % 1000));
  for (const auto& variable : container.env) argv.push_back("--env=" + variable);
  for (const auto& secret : container.secrets) {
    // Without a value, the engine takes the one of its own environment.
    argv.push_back("--env=" + secret.substr(0, secret.find('=')));
    made.env.push_back(secret);
  }
  if (!container.command.empty()) argv.push_back("--entrypoint=" + container.command.front());
  argv.insert(argv.end(), settings_.run_options.begin(), settings_.run_options.end());
  argv.push_back(container.image);
  if (!container.command.empty())
    argv.insert(argv.end(), container.command.begin() + 1, container.command.end());
  argv.insert(argv.end(), container.args.begin(), container.args.end());
  return made;
}

Result<void> ContainerEngine::remove_containers(std::vector<std::string> names) const {
  SLUICE_TRY(found, program());
  std::vector<std::string> words{"rm", "--force", "--volumes"};
  // podman asks the program to end first, and waits for ten seconds.
  if (!is_docker(found)) words.insert(words.end(), {"--time", "0"});
  words.insert(words.end(), std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
  // If the monitor of a container was killed, podman only learns at the first try that it does not run.
  constexpr int tries_max = 3;
  for (int tries = 1;; ++tries) {
    SLUICE_TRY(answer, ask(words));
    if (answer.succeeded) return {};
    if (tries == tries_max || answer.timed_out)
      return Fail(environment_error(
          Code::unavailable, fmt::format("{} cannot remove a container: {}", answer.engine, answer.problem)));
  }
}

Result<void> ContainerEngine::remove(const std::string& fence) {
  const auto name = name_of(fence);
  const auto removed = remove_containers({name});
  if (removed) return {};
  // Some versions take it for an error that there is none.
  SLUICE_TRY(answer, ask({"ps", "--all", "--quiet", "--filter", "name=^" + name + "$"}));
  if (answer.succeeded && answer.out.empty()) return {};
  return removed;
}

Result<void> ContainerEngine::remove_all(const std::string& task) {
  SLUICE_TRY(answer, ask({"ps", "--all", "--quiet", "--filter", "label=" + label_of(task)}));
  if (!answer.succeeded)
    return Fail(environment_error(
        Code::unavailable, fmt::format("{} cannot list containers: {}", answer.engine, answer.problem)));
  std::ranges::replace(answer.out, '\n', ' ');
  auto ids = words_of(answer.out);
  return ids.empty() ? Result<void>() : remove_containers(std::move(ids));
}

std::optional<std::string> ContainerEngine::problem(int status, std::string_view output) const {
  if (status != engine_failed && status != cannot_execute && status != no_program) return std::nullopt;
  const auto complaint = complaint_in(output);
  if (complaint.empty()) return std::nullopt;
  if (status == cannot_execute) return "the image cannot execute the program: " + complaint;
  if (status == no_program) return "the image does not have the program: " + complaint;
  for (const std::string_view absent : {"image not known", "No such image"})
    if (complaint.find(absent) != std::string::npos)
      return "its image is not on this machine any more; submit the run again, which gets it: " + complaint;
  return "the container engine did not run it: " + complaint;
}

}  // namespace sluice::executors
