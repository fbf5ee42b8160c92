#include "sluice/os/cgroup.hpp"

#include <algorithm>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
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

/// Where the group of this process is mounted: the mount point and the part of the group's path below the
/// mount's root.
std::optional<fs::path> own_group() {
  const auto read = [](const char* path) -> std::string {
    auto fd = open_file(path, O_RDONLY);
    if (!fd) return "";
    return read_all(fd->get()).value_or("");
  };
  std::string ours;
  each_line(read("/proc/self/cgroup"), [&](std::string_view line) {
    if (line.starts_with("0::")) ours = line.substr(3);
  });
  if (ours.empty()) return std::nullopt;
  std::optional<fs::path> found;
  each_line(read("/proc/self/mountinfo"), [&](std::string_view line) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos || field(line.substr(dash + 3), 0) != "cgroup2") return;
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

std::optional<std::int64_t> Cgroup::memory_peak() const {
  const auto text = read_at(fd(), "memory.peak");
  if (!text) return std::nullopt;
  std::string_view line = *text;
  return take_integer<std::int64_t>(line);
}

std::optional<CgroupParent> CgroupParent::make(const std::string& name) {
  const auto ours = own_group();
  if (!ours) return std::nullopt;
  const auto path = *ours / name;
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
  CgroupParent parent(path, false);
  const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return std::nullopt;
  // Leaves that a killed process left behind; those that still hold a process cannot be removed.
  if (const auto left = list_directory(path))
    for (const auto& entry : *left)
      if (entry.kind == DirectoryEntry::Kind::directory) rmdir((path / entry.name).c_str());
  // Only within the new group: the groups above belong to the machine.
  const bool memory = write_at(folder->get(), "cgroup.subtree_control", "+memory").has_value();
  auto probe = parent.make_leaf("probe");
  if (!probe || faccessat(probe->fd(), "cgroup.kill", W_OK, 0) != 0 ||
      faccessat(probe->fd(), "cgroup.procs", W_OK, 0) != 0)
    return std::nullopt;
  parent.counts_memory_ = memory && faccessat(probe->fd(), "memory.peak", R_OK, 0) == 0;
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

}  // namespace sluice::os
