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
  sigemptyset(&taken_);
  for (const int number : {SIGINT, SIGTERM})
    if (!is_ignored(number)) sigaddset(&taken_, number);
  pthread_sigmask(SIG_BLOCK, &taken_, nullptr);
  signals_.reset(::signalfd(-1, &taken_, SFD_CLOEXEC));
  end_.reset(::eventfd(0, EFD_CLOEXEC));
  SLUICE_CHECK(signals_ && end_);
  thread_ = std::thread([this] { wait(); });
}

Interrupts::~Interrupts() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(end_.get(), &one, sizeof one));
  thread_.join();
  pthread_sigmask(SIG_UNBLOCK, &taken_, nullptr);
}

void Interrupts::say(std::function<void()> last_words) {
  const std::lock_guard lock(mutex_);
  last_words_ = std::move(last_words);
}

void Interrupts::wait() {
  std::array<pollfd, 2> watched{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = end_.get(), .events = POLLIN, .revents = 0}};
  while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  if (watched[0].revents == 0) return;
  signalfd_siginfo taken{};
  if (::read(signals_.get(), &taken, sizeof taken) != sizeof taken) return;
  const std::lock_guard lock(mutex_);
  if (last_words_) last_words_();
  // Not exit(): whoever waits for us, as a shell's loop does, must see that it was the signal.
  const auto number = static_cast<int>(taken.ssi_signo);
  ::signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &taken_, nullptr);
  ::raise(number);
}

}  // namespace sluice::app
