#include "sluice/app/terminal/interrupts.hpp"

#include <array>
#include <cerrno>
#include <cstdint>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "sluice/base/error.hpp"

namespace sluice::app {
namespace {

bool is_ignored(int number) {
  struct sigaction now{};
  return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

Interrupts::Interrupts() {
  sigemptyset(&handled_);
  for (const int number : {SIGINT, SIGTERM})
    if (!is_ignored(number)) sigaddset(&handled_, number);
  pthread_sigmask(SIG_BLOCK, &handled_, nullptr);
  signals_.reset(::signalfd(-1, &handled_, SFD_CLOEXEC));
  end_.reset(::eventfd(0, EFD_CLOEXEC));
  SLUICE_CHECK(signals_ && end_);
  thread_ = std::thread([this] { wait(); });
}

Interrupts::~Interrupts() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(end_.get(), &one, sizeof one));
  thread_.join();
  pthread_sigmask(SIG_UNBLOCK, &handled_, nullptr);
}

void Interrupts::before_exit(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  callback_ = std::move(callback);
}

void Interrupts::wait() {
  std::array<pollfd, 2> watched{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = end_.get(), .events = POLLIN, .revents = 0}};
  while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  if (watched[0].revents == 0) return;
  signalfd_siginfo received{};
  if (::read(signals_.get(), &received, sizeof received) != sizeof received) return;
  const std::lock_guard lock(mutex_);
  if (callback_) callback_();
  // Not exit(): the parent process, such as a shell's loop, must see that the signal ended this process.
  const auto number = static_cast<int>(received.ssi_signo);
  ::signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &handled_, nullptr);
  ::raise(number);
}

}  // namespace sluice::app
