#include "sluice/os/captured.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sluice::os {
namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(system_error("make a pipe", errno));
  Pipe pipe{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
  if (fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK) != 0) return Fail(system_error("set up a pipe", errno));
  return pipe;
}

/// Reads what is there, but not for ever; closes the descriptor at the end of the stream.
template <typename Keep>
void drain(UniqueFd& fd, const Keep& keep) {
  constexpr int reads_max = 64;
  std::array<char, 16384> buffer{};
  for (int reads = 0; fd && reads < reads_max; ++reads) {
    const auto n = read(fd.get(), buffer.data(), buffer.size());
    if (n > 0) {
      keep(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || errno != EAGAIN) fd.reset();
    return;
  }
}

}  // namespace

Result<Captured> run_captured(SpawnOptions options, std::chrono::milliseconds limit, std::size_t bytes_max) {
  using Steady = std::chrono::steady_clock;
  SLUICE_TRY(out, make_pipe());
  SLUICE_TRY(error, make_pipe());
  options.fds = {{out.write_end.get(), 1}, {error.write_end.get(), 2}};
  options.new_group = true;
  const auto deadline = Steady::now() + limit;
  SLUICE_TRY(process, spawn(options));
  out.write_end.reset();
  error.write_end.reset();

  Captured captured;
  const auto read_both = [&] {
    drain(out.read_end, [&](std::string_view bytes) {
      captured.out += bytes.substr(0, bytes_max - std::min(bytes_max, captured.out.size()));
    });
    drain(error.read_end, [&](std::string_view bytes) {
      captured.error += bytes;
      if (captured.error.size() > bytes_max) captured.error.erase(0, captured.error.size() - bytes_max);
    });
  };
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (left.count() <= 0) {
      captured.timed_out = true;
      ::kill(-process.pid(), SIGKILL);
      break;
    }
    // A stream that has ended has the descriptor -1, which poll ignores.
    std::array<pollfd, 3> waits{pollfd{.fd = process.pidfd(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = out.read_end.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = error.read_end.get(), .events = POLLIN, .revents = 0}};
    constexpr std::chrono::milliseconds wait_max(60'000);
    poll(waits.data(), waits.size(), static_cast<int>(std::min(left, wait_max).count()));
    read_both();
    if (waits[0].revents != 0) break;
  }
  SLUICE_TRY(exit, process.wait());
  captured.exit = exit;
  read_both();
  return captured;
}

}  // namespace sluice::os
