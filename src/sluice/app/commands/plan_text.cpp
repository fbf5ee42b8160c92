#include "sluice/app/commands/plan_text.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"

namespace sluice::app {
namespace {

constexpr auto compile_time_max = std::chrono::minutes(5);
/// The command `kfp`, which may not be in the PATH.
constexpr const char* program = "from kfp.cli.__main__ import main; main()";

/// The last line of what a program printed that says something.
std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const auto begin = text.rfind('\n');
  constexpr std::size_t shown_max = 1000;
  return as_utf8(text.substr(begin == std::string::npos ? 0 : begin + 1, shown_max));
}

Result<std::string> compiled(const std::string& file, const std::string& function) {
  const auto* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing sets variables here
  const auto python = os::find_program("python3", path == nullptr ? "/usr/bin:/bin" : path);
  if (!python)
    return Fail(
        user_error(Code::not_found, file + ": there is no `python3` in PATH, which would compile it"));
  SLUICE_TRY(scratch, os::TemporaryDirectory::make_in_tmp("sluice-compile-"));
  const auto out = scratch.path() / "pipeline.yaml";
  SLUICE_TRY(log, os::open_file(scratch.path() / "log", O_RDWR | O_CREAT, 0600));
  std::vector<std::string> argv{python->string(), "-c", program,    "dsl",       "compile",
                                "--py",           file, "--output", out.string()};
  if (!function.empty()) argv.insert(argv.end(), {"--function", function});
  SLUICE_TRY(process, os::spawn({.program = *python,
                                 .argv = std::move(argv),
                                 .env = std::nullopt,
                                 .fds = {{log.get(), STDOUT_FILENO}, {log.get(), STDERR_FILENO}}}));
  SLUICE_TRY(ended, process.wait_for(compile_time_max));
  if (!ended) {
    process.signal(SIGKILL);
    SLUICE_DO(process.wait());
    return Fail(user_error(Code::deadline_exceeded, file + ": compiling it took longer than 5 minutes"));
  }
  if (!ended->succeeded()) {
    constexpr std::size_t log_bytes_max = std::size_t{1} << 20;
    const auto said = os::read_file(scratch.path() / "log", log_bytes_max);
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("{}: kfp of `{}` cannot compile it: {}{}", file, python->string(),
                                       said ? last_line(*said) : "it says nothing",
                                       said && said->contains("No module named 'kfp'")
                                           ? "; activate the environment in which the pipeline is written"
                                       : said && said->contains("--function") ? "; here that is --pipeline"
                                                                              : "")));
  }
  return read_given_file(out.string(), plan_bytes_max);
}

}  // namespace

Result<packages::Text> read_plan_text(const std::string& file, std::string& function) {
  if (file.ends_with(".py")) {
    SLUICE_TRY(text, compiled(file, function));
    function.clear();
    return packages::Text{.text = std::move(text), .file = file};
  }
  SLUICE_TRY(content, read_given_file(file, plan_bytes_max));
  return packages::text_of(std::move(content), file, plan_bytes_max);
}

}  // namespace sluice::app
