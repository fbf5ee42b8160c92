#pragma once
#include <functional>
#include <mutex>
#include <thread>

#include <signal.h>

#include "sluice/os/files.hpp"

namespace sluice::app {

/// Runs a callback before SIGINT (Ctrl-C) or SIGTERM ends the process, which they still do. Must be created
/// before any other thread: the signals are blocked in every thread that starts later, and received by a
/// thread of this object.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// `callback` runs on the thread that receives the signals; empty: none. Once this returns, the previous
  /// callback does not run any more.
  void before_exit(std::function<void()> callback);

 private:
  void wait();

  sigset_t handled_;  ///< those of the two that are not ignored (nohup and a shell's `&` ignore some)
  os::UniqueFd signals_;
  os::UniqueFd end_;
  std::mutex mutex_;
  std::function<void()> callback_;
  std::thread thread_;
};

}  // namespace sluice::app
