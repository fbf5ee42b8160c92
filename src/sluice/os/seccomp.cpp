#include "sluice/os/seccomp.hpp"

#include <cerrno>
#include <cstddef>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::os {
namespace {

constexpr std::uint32_t x32_bit = 0x4000'0000;
constexpr std::uint32_t end_process = SECCOMP_RET_KILL_PROCESS;
constexpr std::size_t number_at = offsetof(seccomp_data, nr);
constexpr std::size_t architecture_at = offsetof(seccomp_data, arch);
constexpr std::size_t arguments_at = offsetof(seccomp_data, args);

/// The filter as a program of the kernel's BPF machine, which has one register and jumps forward only.
class Program {
 public:
  void load(std::size_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void mask(std::uint32_t bits) { emit(BPF_ALU | BPF_AND | BPF_K, bits); }
  void end(std::uint32_t action) { emit(BPF_RET | BPF_K, action); }
  /// Skips `count` instructions if the register equals, or does not equal, `value`.
  void skip_if(std::uint32_t value, std::size_t count) { jump(BPF_JEQ, value, count, 0); }
  void skip_unless(std::uint32_t value, std::size_t count) { jump(BPF_JEQ, value, 0, count); }
  void skip_below(std::uint32_t value, std::size_t count) { jump(BPF_JGE, value, 0, count); }

  std::vector<sock_filter> code;

 private:
  void emit(int operation, std::uint32_t operand) {
    code.push_back({.code = static_cast<std::uint16_t>(operation), .jt = 0, .jf = 0, .k = operand});
  }
  void jump(int condition, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
    code.push_back({.code = static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K),
                    .jt = static_cast<std::uint8_t>(if_true),
                    .jf = static_cast<std::uint8_t>(if_false),
                    .k = value});
  }
};

}  // namespace

SyscallFilter::Verdict SyscallFilter::Verdict::allow() { return {SECCOMP_RET_ALLOW}; }
SyscallFilter::Verdict SyscallFilter::Verdict::refuse(int number) {
  return {SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number)};
}
SyscallFilter::Verdict SyscallFilter::Verdict::end_process() { return {sluice::os::end_process}; }

void SyscallFilter::add(Verdict verdict, std::initializer_list<long> numbers) {
  for (const auto number : numbers) rules_.push_back({.verdict = verdict, .number = number, .arguments = {}});
}

void SyscallFilter::add(Verdict verdict, long number, std::initializer_list<Argument> arguments) {
  rules_.push_back({.verdict = verdict, .number = number, .arguments = arguments});
}

Result<void> SyscallFilter::install(Verdict otherwise) const {
  constexpr std::size_t words = 2;         // of an argument
  constexpr std::size_t steps_a_word = 3;  // load, mask, compare
  Program program;
  program.load(architecture_at);
  program.skip_if(AUDIT_ARCH_X86_64, 1);
  program.end(sluice::os::end_process);
  program.load(number_at);
  program.skip_below(x32_bit, 1);
  program.end(sluice::os::end_process);
  for (const auto& rule : rules_) {
    auto left = rule.arguments.size() * words * steps_a_word + 1;  // instructions after the next one
    if (!rule.arguments.empty()) ++left;                           // the last one loads the number again
    program.skip_unless(static_cast<std::uint32_t>(rule.number), left);
    for (const auto& argument : rule.arguments) {
      for (std::size_t word = 0; word < words; ++word) {
        const auto shift = 32 * word;  // little-endian
        program.load(arguments_at + argument.index * sizeof(std::uint64_t) + word * sizeof(std::uint32_t));
        program.mask(static_cast<std::uint32_t>(argument.mask >> shift));
        left -= steps_a_word;
        program.skip_unless(static_cast<std::uint32_t>(argument.value >> shift), left - 1);
      }
    }
    program.end(rule.verdict.action);
    if (!rule.arguments.empty()) program.load(number_at);
  }
  program.end(otherwise.action);

  const sock_fprog given{.len = static_cast<unsigned short>(program.code.size()),
                         .filter = program.code.data()};
  const auto outcome = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &given);
  if (outcome == 0) return {};
  if (outcome > 0)
    return Fail(internal_error(Code::internal, "a thread has a filter of system calls of its own"));
  if (errno == ENOSYS)
    return Fail(environment_error(Code::unavailable, "the kernel has no filters of system calls"));
  return Fail(system_error("filter system calls", errno));
}

bool SyscallFilter::available() {
  std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace sluice::os
