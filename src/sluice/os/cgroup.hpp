#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sluice/os/files.hpp"

/// Groups of processes that are killed together, where the machine permits it: cgroup version 2, also beside
/// version 1 (hybrid).
namespace sluice::os {

/// One leaf cgroup. Not thread-safe. The destructor removes its folder, if no process is left in it.
class Cgroup {
 public:
  Cgroup(Cgroup&&) noexcept = default;
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();

  /// Opens an existing leaf; returns nothing if it is gone.
  static std::optional<Cgroup> open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// For clone3's CLONE_INTO_CGROUP.
  [[nodiscard]] int fd() const { return folder_.get(); }
  Result<void> add(pid_t pid);
  [[nodiscard]] std::vector<pid_t> processes() const;
  /// Whether a living process is in it; zombies do not count.
  [[nodiscard]] bool populated() const;
  /// Sends SIGKILL to every process in it at once, also to those being forked. They end soon after, not
  /// before this returns.
  void kill();
  /// Whether this object has killed it. No process can be put into it by clone3 anymore: Linux (since 6.14)
  /// treats the kill as one that came during the clone, and kills the child.
  [[nodiscard]] bool killed() const { return killed_; }
  /// The peak of the memory that its processes used together; nothing if the kernel does not count that.
  [[nodiscard]] std::optional<std::int64_t> memory_peak() const;

 private:
  friend class CgroupParent;
  Cgroup(std::filesystem::path path, UniqueFd folder);
  std::filesystem::path path_;
  UniqueFd folder_;
  UniqueFd events_;  // read for every task, so kept open
  bool killed_ = false;
};

/// The group under which leaves are created: inside the group of this process, so that its limits apply to
/// them too.
class CgroupParent {
 public:
  /// Returns nothing if no cgroup2 tree is mounted, writable and able to kill. `name` is one path segment.
  static std::optional<CgroupParent> make(const std::string& name);
  CgroupParent(CgroupParent&& other) noexcept
      : path_(std::exchange(other.path_, {})), counts_memory_(other.counts_memory_) {}
  CgroupParent& operator=(CgroupParent&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(counts_memory_, other.counts_memory_);
    return *this;
  }
  ~CgroupParent();

  Result<Cgroup> make_leaf(const std::string& name);
  /// Whether the kernel counts the memory of a leaf.
  [[nodiscard]] bool counts_memory() const { return counts_memory_; }

 private:
  explicit CgroupParent(std::filesystem::path path, bool counts_memory)
      : path_(std::move(path)), counts_memory_(counts_memory) {}
  std::filesystem::path path_;
  bool counts_memory_ = false;
};

}  // namespace sluice::os
