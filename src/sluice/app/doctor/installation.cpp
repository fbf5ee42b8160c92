#include <algorithm>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "sluice/app/doctor/checks.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/domain/packages/package.hpp"
#include "sluice/executors/process/programs.hpp"
#include "sluice/os/captured.hpp"

namespace sluice::app {
namespace {

constexpr auto program_timeout = std::chrono::seconds(10);
constexpr std::size_t output_bytes_max = std::size_t{64} << 10;

/// Runs a program; returns the first line of its standard output if it succeeds.
Result<std::string> output_of(const std::string& program, const std::vector<std::string>& arguments,
                              const std::string& path) {
  const auto file = os::find_program(program, path);
  if (!file) return Fail(environment_error(Code::not_found, "not found in " + path));
  std::vector<std::string> argv{program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  SLUICE_TRY(done,
             os::run_captured({.program = *file, .argv = std::move(argv), .env = {}, .cwd = {}, .fds = {}},
                              program_timeout, output_bytes_max));
  if (done.timed_out)
    return Fail(environment_error(Code::deadline_exceeded, file->string() + " does not respond"));
  if (!done.exit.succeeded())
    return Fail(environment_error(Code::failed_precondition, file->string() + " exits with an error"));
  return done.out.substr(0, done.out.find('\n'));
}

std::string search_path() {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): no other thread
  return path ? path : "";
}

/// "git version 2.39.5" → "2.39.5"
std::string after_last(const std::string& text, char mark) { return text.substr(text.rfind(mark) + 1); }

}  // namespace

Finding check_installation(const Installation& installation) {
  for (const auto& [program, what] : {std::pair{installation.supervisor, "process tasks cannot run"},
                                      std::pair{installation.host, "models cannot run"}})
    if (::access(program.c_str(), X_OK) != 0)
      return fails("installation", program.string() + " is missing or cannot be executed",
                   fmt::format("{}; install all programs of Sluice into one folder", what));
  if (!os::exists(installation.models))
    return limited("installation", "no built-in models at " + installation.models.string(),
                   "services about pictures do not work; install share/sluice/models next to bin");
  return works("installation", installation.supervisor.parent_path().string());
}

Finding check_libgit2() {
  const auto version = version_of_model_library();
  if (!version)
    return limited("libgit2", version.error().message, "models cannot be stored, shown or served");
  return works("libgit2", *version);
}

Finding check_libarchive() {
  const auto version = packages::version_of_library();
  if (!version)
    return limited("libarchive", version.error().message, "pipelines are read from plain files alone");
  return works("libarchive", *version);
}

Finding check_libheif() {
  // As `sluice-host` loads it, when it decodes its first HEIC.
  constexpr auto without = "pictures in HEIC, which phones write, are refused; to read them, {}";
  void* const library = ::dlopen("libheif.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr)
    return limited("libheif", ::dlerror(), fmt::format(without, "`apt install libheif1`"));
  const auto version = reinterpret_cast<const char* (*)()>(::dlsym(library, "heif_get_version"));
  const auto decodes = reinterpret_cast<int (*)(int)>(::dlsym(library, "heif_have_decoder_for_format"));
  constexpr int hevc = 1;
  if (version == nullptr || decodes == nullptr || decodes(hevc) == 0)
    return limited("libheif", "it has no decoder for HEVC",
                   fmt::format(without, "`apt install libheif-plugin-libde265`"));
  return works("libheif", version());
}

Finding check_git() {
  const auto version = output_of("git", {"--version"}, search_path());
  if (!version)
    return limited("git", version.error().message,
                   "models are stored and served without it; to clone one, install git");
  return works("git", after_last(*version, ' '));
}

Finding check_git_lfs() {
  const auto version = output_of("git-lfs", {"version"}, search_path());
  if (!version)
    return limited("git-lfs", version.error().message,
                   "a clone of a model has pointers in place of its large files; install git-lfs");
  return works("git-lfs", after_last(version->substr(0, version->find(' ')), '/'));
}

Finding check_python() {
  // With the PATH that tasks get.
  const auto version = output_of(
      "python3",
      {"-c", "import platform, numpy; print(platform.python_version() + ', numpy ' + numpy.__version__)"},
      std::string(executors::task_path));
  if (!version)
    return limited("python3", version.error().message,
                   "tasks written in Python with numpy fail, including the example's evaluation; "
                   "install python3-numpy");
  return works("python3", *version);
}

Finding check_uv(const Installation& installation) {
  const auto version = output_of("uv", {"--version"}, installation.uv.parent_path());
  if (!version)
    return limited("uv", version.error().message,
                   "tasks with an `environment` are refused; install Sluice as a whole");
  const auto number = version->substr(version->find(' ') + 1);
  return works("uv", number.substr(0, number.find(' ')));
}

Finding check_container_engine() {
  const auto version = container_engine_version();
  if (!version) return limited("containers", version.error().message, "tasks with a `container` are refused");
  return works("containers", *version);
}

}  // namespace sluice::app
