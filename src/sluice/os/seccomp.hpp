#pragma once
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::os {

/// A filter of this process's system calls (seccomp(2)): rules by the number of a call, and by its arguments
/// that are not pointers. The first rule that matches decides. Filters add up: of several that are in force,
/// the strictest decides. A call of another architecture (32-bit, x32) always ends the process.
class SyscallFilter {
 public:
  /// What the kernel does with a call.
  struct Verdict {
    std::uint32_t action = 0;
    static Verdict allow();
    static Verdict refuse(int number);  ///< the call fails with this errno; 0: it does nothing, and succeeds
    static Verdict end_process();       ///< SIGSYS, which cannot be caught
  };
  /// True if (the argument & mask) == value.
  struct Argument {
    unsigned index = 0;
    std::uint64_t mask = 0;
    std::uint64_t value = 0;
  };

  void add(Verdict verdict, std::initializer_list<long> numbers);
  /// All arguments must match.
  void add(Verdict verdict, long number, std::initializer_list<Argument> arguments);
  /// In force from here on, for all threads of the process and those that it starts; nothing lifts it.
  /// `otherwise` is for calls that no rule names. The process must have given up new privileges
  /// (PR_SET_NO_NEW_PRIVS). Code::unavailable where the kernel has no filters.
  [[nodiscard]] Result<void> install(Verdict otherwise) const;

  /// Whether the kernel has filters.
  static bool available();

 private:
  struct Rule {
    Verdict verdict;
    long number = 0;
    std::vector<Argument> arguments;
  };
  std::vector<Rule> rules_;
};

}  // namespace sluice::os
