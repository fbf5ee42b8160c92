#include "sluice/os/tree.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "sluice/base/numbers.hpp"
#include "sluice/os/files.hpp"

namespace sluice::os {
namespace {

constexpr std::size_t proc_bytes_max = std::size_t{8} << 20;  // an environment may hold megabytes

Result<std::string> read_proc(const std::string& path) {
  SLUICE_TRY(fd, open_file(path, O_RDONLY));
  return read_all(fd.get(), proc_bytes_max);
}

/// The number that the field starts with, or 0.
template <typename T>
T number(std::string_view field) {
  return take_integer<T>(field).value_or(0);
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(" \n"), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

std::optional<ProcessInfo> process_info(pid_t pid) {
  const auto text = read_proc("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return std::nullopt;
  // The name, in parentheses, may hold anything, closing parentheses included: the fields start after the
  // last of them.
  const auto close = text->rfind(')');
  if (close == std::string::npos) return std::nullopt;
  const auto fields = words(std::string_view(*text).substr(close + 1));
  if (fields.size() < 20) return std::nullopt;
  return ProcessInfo{.pid = pid,
                     .parent = number<pid_t>(fields[1]),
                     .group = number<pid_t>(fields[2]),
                     .session = number<pid_t>(fields[3]),
                     .state = fields[0][0],
                     .started = number<std::uint64_t>(fields[19])};
}

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> out;
  const auto close = [](DIR* dir) { closedir(dir); };
  const std::unique_ptr<DIR, decltype(close)> dir(opendir("/proc"), close);
  if (!dir) return out;
  while (const auto* entry = readdir(dir.get()))
    if (const auto pid = number<pid_t>(entry->d_name); pid > 0)
      if (const auto info = process_info(pid)) out.push_back(*info);
  return out;
}

std::vector<pid_t> descendants(const std::vector<ProcessInfo>& all, pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& info : all) children.emplace(info.parent, info.pid);
  std::vector<pid_t> out;
  std::vector<pid_t> open{root};
  // A process whose parent's pid was reused while /proc was read could close a cycle: the size of `all`
  // limits the search.
  while (!open.empty() && out.size() <= all.size()) {
    const auto [first, last] = children.equal_range(open.back());
    open.pop_back();
    for (auto it = first; it != last; ++it) {
      out.push_back(it->second);
      open.push_back(it->second);
    }
  }
  return out;
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> out;
  const auto text = read_proc("/proc/self/task/" + std::to_string(gettid()) + "/children");
  if (text) {
    for (const auto word : words(*text)) out.push_back(number<pid_t>(word));
    return out;
  }
  // A kernel without that file.
  const auto self = getpid();
  for (const auto& info : all_processes())
    if (info.parent == self) out.push_back(info.pid);
  return out;
}

std::optional<std::string> environment_variable(pid_t pid, const std::string& name) {
  const auto text = read_proc("/proc/" + std::to_string(pid) + "/environ");
  if (!text) return std::nullopt;
  const std::string prefix = name + "=";
  for (std::size_t start = 0; start < text->size();) {
    const auto end = std::min(text->find('\0', start), text->size());
    const auto entry = std::string_view(*text).substr(start, end - start);
    if (entry.starts_with(prefix)) return std::string(entry.substr(prefix.size()));
    start = end + 1;
  }
  return std::nullopt;
}

// The mark is a resource limit without effect: how many microseconds a thread of real-time priority may
// compute without blocking, 146,000 years and more. Children inherit it, it survives exec, and no other
// program uses it.
namespace {
constexpr std::uint64_t mark_min = std::uint64_t{1} << 62;
}

std::uint64_t tree_mark(std::uint64_t id) { return mark_min | (id % mark_min); }

void mark_tree(std::uint64_t id) {
  rlimit limit{};
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0 || limit.rlim_max != RLIM_INFINITY) return;
  limit.rlim_cur = tree_mark(id);
  setrlimit(RLIMIT_RTTIME, &limit);
}

std::optional<std::uint64_t> tree_mark_of(pid_t pid) {
  rlimit limit{};
  if (prlimit(pid, RLIMIT_RTTIME, nullptr, &limit) != 0 || limit.rlim_cur < mark_min ||
      limit.rlim_cur == RLIM_INFINITY)
    return std::nullopt;
  return limit.rlim_cur;
}

std::optional<std::uint64_t> memory_of(pid_t pid, Shared shared) {
  const bool whole = shared == Shared::whole;
  const auto text = read_proc("/proc/" + std::to_string(pid) + (whole ? "/status" : "/smaps_rollup"));
  if (!text) return std::nullopt;
  std::uint64_t kibibytes = 0;
  bool found = false;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    for (const std::string_view name : whole ? std::array{"RssAnon:", "RssShmem:", "VmSwap:"}
                                             : std::array{"Pss_Anon:", "Pss_Shmem:", "SwapPss:"}) {
      if (!line.starts_with(name)) continue;
      const auto digit = std::min(line.find_first_of("0123456789"), line.size());
      kibibytes += number<std::uint64_t>(line.substr(digit));
      found = true;
    }
  }
  if (!found) return std::nullopt;  // a zombie
  return kibibytes * 1024;
}

std::uint64_t ticks_since_boot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return static_cast<std::uint64_t>(now.tv_sec) * per_second +
         static_cast<std::uint64_t>(now.tv_nsec) * per_second / 1'000'000'000U;
}

std::string boot_id() {
  auto text = read_proc("/proc/sys/kernel/random/boot_id");
  if (!text) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *text;
}

}  // namespace sluice::os
