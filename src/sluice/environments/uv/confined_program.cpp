#include "sluice/environments/uv/confined_program.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "sluice/os/landlock.hpp"
#include "sluice/os/process.hpp"

namespace sluice::environments {
namespace {

constexpr std::size_t output_bytes_max = std::size_t{16} << 10;
constexpr rlim_t file_bytes_max = rlim_t{8} << 30;

/// Of the calling thread and what it starts.
Result<void> confine(const ConfinedProgram& program) {
  if (os::Landlock::version() == 0) return {};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Fail(system_error("give up new privileges", errno));
  using Access = os::Landlock::Access;
  SLUICE_TRY(rules, os::Landlock::make(os::Landlock::Network::allowed));
  for (const auto* installed : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt"})
    SLUICE_DO(rules.allow(installed, Access::execute));
  for (const auto* system : {"/etc", "/run/systemd/resolve", "/proc", "/sys"})
    SLUICE_DO(rules.allow(system, Access::read));
  for (const auto* device : {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty"})
    SLUICE_DO(rules.allow(device, Access::write));
  for (const auto& path : program.readable) SLUICE_DO(rules.allow(path, Access::execute));
  for (const auto& path : program.writable) SLUICE_DO(rules.allow(path, Access::full));
  return rules.restrict_thread();
}

}  // namespace

Result<Finished> run_confined(const ConfinedProgram& program) {
  SLUICE_TRY(folder, os::TemporaryDirectory::make_in_tmp("sluice-output-"));
  const auto output = folder.path() / "output";
  SLUICE_TRY(to, os::open_file(output, O_WRONLY | O_CREAT | O_APPEND, 0600));
  const os::SpawnOptions options{.program = program.program,
                                 .argv = program.argv,
                                 .env = program.env,
                                 .cwd = program.cwd,
                                 .fds = {{to.get(), 1}, {to.get(), 2}},
                                 .new_session = true};
  std::optional<Result<os::Process>> spawned;
  // A thread of its own: a child inherits the restrictions of the thread that starts it.
  std::thread([&] {
    const auto confined = confine(program);
    spawned = confined ? os::spawn(options) : Result<os::Process>(Fail(confined.error()));
  }).join();
  SLUICE_TRY(process, std::move(*spawned));
  const struct rlimit limit{.rlim_cur = file_bytes_max, .rlim_max = file_bytes_max};
  prlimit(process.pid(), RLIMIT_FSIZE, &limit, nullptr);
  std::optional<os::Exit> ended;
  Result<void> proceeds;
  constexpr std::chrono::milliseconds asks_again(1000);
  for (auto left = program.limit; !ended && proceeds && left.count() > 0; left -= asks_again) {
    SLUICE_TRY(found, process.wait_for(std::min(left, asks_again)));
    ended = found;
    if (!ended) proceeds = program.proceed();
  }
  Finished finished;
  if (!ended) {
    finished.timed_out = proceeds.has_value();
    ::kill(-process.pid(), SIGKILL);  // its session: children too
    SLUICE_TRY(killed, process.wait());
    ended = killed;
  }
  if (!proceeds) return Fail(std::move(proceeds).error());
  finished.killed = ended->signal != 0;
  finished.status = ended->status;
  finished.output = os::read_tail(output, output_bytes_max).value_or("");
  return finished;
}

}  // namespace sluice::environments
