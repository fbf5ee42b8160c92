#include "sluice/os/cgroup.hpp"

#include <algorithm>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/base/numbers.hpp"

namespace sluice::os {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_at(int folder, const char* name) {
  UniqueFd fd(openat(folder, name, O_RDONLY | O_CLOEXEC));
  if (!fd) return Fail(system_error(std::string("open ") + name, errno));
  return read_all(fd.get(), std::size_t{1} << 20);
}

Result<void> write_at(int folder, const char* name, std::string_view text) {
  UniqueFd fd(openat(folder, name, O_WRONLY | O_CLOEXEC));
  if (!fd) return Fail(system_error(std::string("open ") + name, errno));
  return write_fd(fd.get(), text);
}

template <typename Use>
void each_line(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// In mountinfo, a space in a path is \040 and so on.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>(parse_integer<unsigned>(text.substr(i + 1, 3), 8).value_or(0)));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string_view field(std::string_view line, int index) {
  for (; index > 0; --index) line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  return line.substr(0, line.find(' '));
}

bool is_listed(std::string_view name, std::string_view list) {
  for (;;) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == name) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

/// Where the group of this process is mounted: the mount point and the part of the group's path below the
/// mount's root. In the tree of version 2; or, if `controller` is not empty, in that of version 1 which has
/// it.
std::optional<fs::path> own_group(std::string_view controller) {
  const auto read = [](const char* path) -> std::string {
    auto fd = open_file(path, O_RDONLY);
    if (!fd) return "";
    return read_all(fd->get()).value_or("");
  };
  std::string ours;
  each_line(read("/proc/self/cgroup"), [&](std::string_view line) {  // number:controllers:path
    const auto first = line.find(':');
    if (first == std::string_view::npos) return;
    const auto second = line.find(':', first + 1);
    if (second == std::string_view::npos) return;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? line.starts_with("0::") : is_listed(controller, controllers))
      ours = line.substr(second + 1);
  });
  if (ours.empty()) return std::nullopt;
  std::optional<fs::path> found;
  each_line(read("/proc/self/mountinfo"), [&](std::string_view line) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) return;
    const auto filesystem = line.substr(dash + 3);  // type, source, options
    if (field(filesystem, 0) != (controller.empty() ? "cgroup2" : "cgroup") ||
        (!controller.empty() && !is_listed(controller, field(filesystem, 2))))
      return;
    std::string_view below = ours;
    if (const auto root = unescape(field(line, 3)); root != "/") {
      if (!below.starts_with(root)) return;
      below.remove_prefix(root.size());
    }
    while (below.starts_with('/')) below.remove_prefix(1);
    found = fs::path(unescape(field(line, 4))) / below;
  });
  return found;
}

/// Removes the groups inside one that a killed process left behind; those that still hold a process cannot be
/// removed.
void remove_groups_in(const fs::path& path) {
  if (const auto left = list_directory(path))
    for (const auto& entry : *left)
      if (entry.kind == DirectoryEntry::Kind::directory) rmdir((path / entry.name).c_str());
}

/// The number after `name` in a file of lines "NAME NUMBER"; 0 if it has none.
std::uint64_t count_of(std::string_view name, std::string_view text) {
  std::uint64_t count = 0;
  each_line(text, [&](std::string_view line) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != " ") return;
    line.remove_prefix(name.size() + 1);
    count = take_integer<std::uint64_t>(line).value_or(0);
  });
  return count;
}

std::optional<std::int64_t> number_at(int folder, const char* name) {
  const auto text = read_at(folder, name);
  if (!text) return std::nullopt;
  std::string_view line = *text;
  return take_integer<std::int64_t>(line);
}

/// Whether a process can join.
bool accepts_process(const MemoryGroup& group) {
  const pid_t pid = fork();
  if (pid == 0) _exit(write(group.tasks(), "0", 1) == 1 ? 0 : 1);
  int status = 0;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

Cgroup::Cgroup(fs::path path, UniqueFd folder) : path_(std::move(path)), folder_(std::move(folder)) {}

Cgroup::~Cgroup() {
  if (folder_) rmdir(path_.c_str());
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(folder_, other.folder_);
  std::swap(events_, other.events_);
  std::swap(killed_, other.killed_);
  std::swap(limited_, other.limited_);
  return *this;
}

std::optional<Cgroup> Cgroup::open(const fs::path& path) {
  auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return std::nullopt;
  Cgroup made(path, std::move(*folder));
  made.events_.reset(openat(made.fd(), "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!made.events_) {
    made.folder_.reset();  // not a cgroup: nothing to remove
    return std::nullopt;
  }
  return made;
}

Result<void> Cgroup::add(pid_t pid) { return write_at(fd(), "cgroup.procs", std::to_string(pid)); }

std::vector<pid_t> Cgroup::processes() const {
  std::vector<pid_t> out;
  const auto text = read_at(fd(), "cgroup.procs");
  if (!text) return out;
  each_line(*text, [&](std::string_view line) {
    if (const auto pid = parse_integer<pid_t>(line).value_or(0); pid > 0) out.push_back(pid);
  });
  return out;
}

bool Cgroup::populated() const {
  char buffer[128];
  const ssize_t n = pread(events_.get(), buffer, sizeof buffer, 0);
  return n > 0 &&
         std::string_view(buffer, static_cast<std::size_t>(n)).find("populated 1") != std::string_view::npos;
}

void Cgroup::kill() {
  killed_ = true;
  // A group that is gone holds no process.
  static_cast<void>(write_at(fd(), "cgroup.kill", "1"));
}

std::optional<std::int64_t> Cgroup::memory_peak() const { return number_at(fd(), "memory.peak"); }

Result<void> Cgroup::limit_memory(std::uint64_t bytes) {
  limited_ = true;
  SLUICE_DO(write_at(fd(), "memory.oom.group", "1"));
  // Missing on a machine without swap.
  static_cast<void>(write_at(fd(), "memory.swap.max", "0"));
  return write_at(fd(), "memory.max", std::to_string(bytes));
}

bool Cgroup::ran_out_of_memory() const {
  const auto text = read_at(fd(), "memory.events");
  // `oom_kill` alone may be the doing of a group above, or of the whole machine.
  return text && count_of("oom", *text) > 0 && count_of("oom_kill", *text) > 0;
}

std::optional<CgroupParent> CgroupParent::make(const std::string& name, bool memory) {
  const auto ours = own_group("");
  if (!ours) return std::nullopt;
  const auto path = *ours / name;
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
  CgroupParent parent(path);
  const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return std::nullopt;
  remove_groups_in(path);
  // Only within the new group: the groups above belong to the machine.
  memory = memory && write_at(folder->get(), "cgroup.subtree_control", "+memory").has_value();
  auto probe = parent.make_leaf("probe");
  if (!probe || faccessat(probe->fd(), "cgroup.kill", W_OK, 0) != 0 ||
      faccessat(probe->fd(), "cgroup.procs", W_OK, 0) != 0)
    return std::nullopt;
  parent.counts_memory_ = memory && faccessat(probe->fd(), "memory.peak", R_OK, 0) == 0;
  parent.limits_memory_ = memory && probe->limit_memory(std::uint64_t{1} << 30).has_value() &&
                          faccessat(probe->fd(), "memory.events", R_OK, 0) == 0;
  return parent;
}

CgroupParent::~CgroupParent() {
  if (!path_.empty()) rmdir(path_.c_str());
}

Result<Cgroup> CgroupParent::make_leaf(const std::string& name) {
  const auto path = path_ / name;
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return Fail(system_error("make " + path.string(), errno));
  auto leaf = Cgroup::open(path);
  if (!leaf) return Fail(system_error("open " + path.string(), errno));
  return std::move(*leaf);
}

MemoryGroup::~MemoryGroup() { remove(); }

bool MemoryGroup::remove() {
  if (folder_ && rmdir(path_.c_str()) != 0 && errno == EBUSY) return false;
  folder_.reset();
  return true;
}

MemoryGroup& MemoryGroup::operator=(MemoryGroup&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(folder_, other.folder_);
  std::swap(tasks_, other.tasks_);
  std::swap(events_, other.events_);
  std::swap(limit_, other.limit_);
  return *this;
}

bool MemoryGroup::ran_out() const {
  char buffer[256];
  const ssize_t n = pread(events_.get(), buffer, sizeof buffer, 0);
  if (n <= 0 || count_of("oom_kill", {buffer, static_cast<std::size_t>(n)}) == 0) return false;
  // A group above may have been the one that was full. `failcnt` would say so, but some kernels do not count
  // it; the peak says it as well: it is not exactly the limit, because memory is requested in batches.
  return static_cast<std::uint64_t>(peak().value_or(0)) >= limit_ - limit_ / 16;
}

std::optional<std::int64_t> MemoryGroup::peak() const {
  if (const auto with_swap = number_at(folder_.get(), "memory.memsw.max_usage_in_bytes")) return with_swap;
  return number_at(folder_.get(), "memory.max_usage_in_bytes");
}

std::optional<MemoryGroups> MemoryGroups::make(const std::string& name) {
  const auto ours = own_group("memory");
  if (!ours) return std::nullopt;
  const auto path = *ours / name;
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
  MemoryGroups groups(path);
  const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return std::nullopt;
  remove_groups_in(path);
  // Before Linux 5.11, a group did not count those inside it unless it was told to, before there were any. It
  // is refused where that is so already.
  static_cast<void>(write_at(folder->get(), "memory.use_hierarchy", "1"));
  const auto probe = groups.make_group("probe", std::uint64_t{1} << 30);
  if (!probe || !accepts_process(*probe)) return std::nullopt;
  return groups;
}

MemoryGroups::~MemoryGroups() {
  if (path_.empty()) return;
  remove_groups_in(path_);
  rmdir(path_.c_str());
}

Result<MemoryGroup> MemoryGroups::make_group(const std::string& name, std::uint64_t bytes) {
  const auto path = path_ / name;
  // One that exists would count what was killed in it before.
  if (mkdir(path.c_str(), 0755) != 0) return Fail(system_error("make " + path.string(), errno));
  SLUICE_TRY(folder, open_file(path, O_RDONLY | O_DIRECTORY));
  MemoryGroup group(path, std::move(folder), bytes);
  const auto limit = std::to_string(bytes);
  SLUICE_DO(write_at(group.folder_.get(), "memory.limit_in_bytes", limit));
  // Memory and swap together. Where that is not counted, the group is not swapped out.
  if (!write_at(group.folder_.get(), "memory.memsw.limit_in_bytes", limit))
    static_cast<void>(write_at(group.folder_.get(), "memory.swappiness", "0"));
  group.tasks_.reset(openat(group.folder_.get(), "tasks", O_WRONLY | O_CLOEXEC));
  group.events_.reset(openat(group.folder_.get(), "memory.oom_control", O_RDONLY | O_CLOEXEC));
  if (!group.tasks_ || !group.events_) return Fail(system_error("open the files of " + path.string(), errno));
  SLUICE_TRY(events, read_at(group.folder_.get(), "memory.oom_control"));
  if (!events.contains("oom_kill "))  // before Linux 4.13
    return Fail(environment_error(Code::failed_precondition, "the kernel does not count what it kills"));
  return group;
}

}  // namespace sluice::os
