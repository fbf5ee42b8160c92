#pragma once
#include <string>

#include "sluice/os/files.hpp"

namespace sluice::runtimes {

/// What a host prints (its log, and the last words of libraries), added line by line to our log: as text
/// without control characters, and no more than the first 200 lines. One thread at a time.
class HostOutput {
 public:
  /// `pipe` is the end to read from, and does not block.
  explicit HostOutput(os::UniqueFd pipe) : pipe_(std::move(pipe)) {}

  /// For poll; -1 once the pipe has ended.
  [[nodiscard]] int fd() const { return pipe_.get(); }
  /// Reads what is there now; false: nothing.
  bool read(int pid);
  /// Adds a last line that was not finished.
  void finish(int pid);

 private:
  void add_line(int pid);

  os::UniqueFd pipe_;
  std::string line_;
  int lines_ = 0;
};

}  // namespace sluice::runtimes
