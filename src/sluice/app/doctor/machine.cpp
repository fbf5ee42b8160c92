#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sluice/app/doctor/checks.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/processor.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

/// The value after "KEY…:" in a file of /proc.
std::string field_of(const std::string& file, std::string_view key) {
  const auto fd = os::open_file(file, O_RDONLY);
  const auto text = fd ? os::read_all(fd->get()) : Result<std::string>(Fail(fd.error()));
  if (!text) return "";
  const auto at = text->find(key);
  if (at == std::string::npos) return "";
  const auto colon = text->find(':', at);
  const auto begin = text->find_first_not_of(" \t", colon + 1);
  return colon == std::string::npos || begin == std::string::npos
             ? ""
             : text->substr(begin, text->find('\n', begin) - begin);
}

/// nullopt for "max".
std::optional<std::uint64_t> number_in(std::string_view text) { return take_integer<std::uint64_t>(text); }

/// The memory limit of this process's control group, if there is one.
std::optional<std::uint64_t> memory_limit() {
  const auto group = field_of("/proc/self/cgroup", "0::");  // "0::/path"
  for (const auto* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (!group.starts_with(":")) break;
    if (const auto text = os::read_file(root + group.substr(1) + "/memory.max")) return number_in(*text);
  }
  const auto old = os::read_file("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  return old ? number_in(*old) : std::nullopt;
}

int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

Finding check_processor() {
  auto model = field_of("/proc/cpuinfo", "model name");
  if (model.empty()) model = "an unknown model";
  const auto count = cores();
  const auto found = fmt::format("{}, {} core{}, {}", model, count, count == 1 ? "" : "s", instruction_set());
  if (__builtin_cpu_supports("sse4.2") == 0)
    return fails("processor", found, "models require SSE4.2, which x86-64 processors have had since 2011");
  if (instruction_set() == "sse4")
    return limited("processor", found, "without AVX2, models take several times as long");
  return works("processor", found);
}

Finding check_memory() {
  const auto kib = [](std::string_view key) {
    return number_in(field_of("/proc/meminfo", key)).value_or(0) << 10;
  };
  auto total = kib("MemTotal");
  auto found = fmt::format("{}, {} of it available", human_bytes(total), human_bytes(kib("MemAvailable")));
  if (const auto limit = memory_limit(); limit && *limit < total) {
    total = *limit;
    found += fmt::format("; this control group may use {}", human_bytes(*limit));
  }
  constexpr std::uint64_t for_one_model = std::uint64_t{512} << 20;
  if (total < for_one_model)
    return limited(
        "memory", found,
        "a model may not fit in memory next to the server; a host that is killed for memory is restarted");
  return works("memory", found);
}

Finding check_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const bool unlimited = limit.rlim_max == RLIM_INFINITY;
  const auto found = unlimited ? std::string("no limit") : fmt::format("at most {}", limit.rlim_max);
  constexpr rlim_t enough = 4096;
  if (!unlimited && limit.rlim_max < enough)
    return limited("open files", found,
                   "each client and each task uses some; raise the hard limit (`ulimit -Hn`)");
  return works("open files", found);
}

}  // namespace sluice::app
