#pragma once
#include <functional>
#include <mutex>
#include <thread>

#include <signal.h>

#include "sluice/os/files.hpp"

namespace sluice::app {

/// Says last words before SIGINT (Ctrl-C) or SIGTERM ends the process, as they would without. Made before the
/// first other thread: the signals are blocked in every thread that begins later, and taken by one of its
/// own.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// `last_words` runs on the thread that takes the signals; empty: none. Once this returns, the ones before
  /// do not run any more.
  void say(std::function<void()> last_words);

 private:
  void wait();

  sigset_t taken_;  ///< those of the two that are not ignored, as nohup and a shell's `&` have it
  os::UniqueFd signals_;
  os::UniqueFd end_;
  std::mutex mutex_;
  std::function<void()> last_words_;
  std::thread thread_;
};

}  // namespace sluice::app
