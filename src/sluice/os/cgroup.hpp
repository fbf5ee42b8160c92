#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sluice/os/files.hpp"

/// Groups of processes that are killed together and limited in memory, where the machine permits it. Both are
/// done by cgroup version 2, also beside version 1 (hybrid); if the memory controller belongs to version 1,
/// memory is limited by a second group, of that version.
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

  /// Limits the memory of all its processes together, none of which is swapped out. When they need more, the
  /// kernel kills all of them. The limit stays for whoever uses the group next.
  Result<void> limit_memory(std::uint64_t bytes);
  [[nodiscard]] bool limited() const { return limited_; }
  /// Whether the kernel has killed processes because of that limit, and not of one above it.
  [[nodiscard]] bool ran_out_of_memory() const;

 private:
  friend class CgroupParent;
  Cgroup(std::filesystem::path path, UniqueFd folder);
  std::filesystem::path path_;
  UniqueFd folder_;
  UniqueFd events_;  // read for every task, so kept open
  bool killed_ = false;
  bool limited_ = false;
};

/// The group under which leaves are created: inside the group of this process, so that its limits apply to
/// them too.
class CgroupParent {
 public:
  /// Returns nothing if no cgroup2 tree is mounted, writable and able to kill. `name` is one path segment.
  /// Without `memory`, leaves neither count nor limit it.
  static std::optional<CgroupParent> make(const std::string& name, bool memory = true);
  CgroupParent(CgroupParent&& other) noexcept
      : path_(std::exchange(other.path_, {})),
        counts_memory_(other.counts_memory_),
        limits_memory_(other.limits_memory_) {}
  CgroupParent& operator=(CgroupParent&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(counts_memory_, other.counts_memory_);
    std::swap(limits_memory_, other.limits_memory_);
    return *this;
  }
  ~CgroupParent();

  Result<Cgroup> make_leaf(const std::string& name);
  /// Whether the kernel counts the memory of a leaf.
  [[nodiscard]] bool counts_memory() const { return counts_memory_; }
  /// Whether the memory of a leaf can be limited.
  [[nodiscard]] bool limits_memory() const { return limits_memory_; }

 private:
  explicit CgroupParent(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  bool counts_memory_ = false;
  bool limits_memory_ = false;
};

/// One group of version 1 with a limit on the memory of its processes. Not thread-safe. The destructor
/// removes it, if it can.
class MemoryGroup {
 public:
  MemoryGroup(MemoryGroup&&) noexcept = default;
  MemoryGroup& operator=(MemoryGroup&& other) noexcept;
  ~MemoryGroup();

  /// A process with one thread that writes "0" to this joins the group. (Unlike a write to cgroup.procs, that
  /// need not wait for all other processors.)
  [[nodiscard]] int tasks() const { return tasks_.get(); }
  /// Whether the kernel has killed a process because of this limit, and not of one above it. It kills one at
  /// a time.
  [[nodiscard]] bool ran_out() const;
  /// The peak of the memory that its processes used together.
  [[nodiscard]] std::optional<std::int64_t> peak() const;
  /// False: it still holds a process; or one that has been reaped, but is not gone from a processor yet.
  bool remove();

 private:
  friend class MemoryGroups;
  MemoryGroup(std::filesystem::path path, UniqueFd folder, std::uint64_t limit)
      : path_(std::move(path)), folder_(std::move(folder)), limit_(limit) {}
  std::filesystem::path path_;
  UniqueFd folder_;
  UniqueFd tasks_;
  UniqueFd events_;  // read again and again, so kept open
  std::uint64_t limit_ = 0;
};

/// The group of version 1 under which those are created: inside the memory group of this process.
class MemoryGroups {
 public:
  /// Returns nothing if no such tree is mounted, writable and able to limit a process; forks one to see that.
  /// `name` is one path segment.
  static std::optional<MemoryGroups> make(const std::string& name);
  MemoryGroups(MemoryGroups&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  MemoryGroups& operator=(MemoryGroups&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~MemoryGroups();

  /// `bytes`: of all processes of the group together, swap included.
  Result<MemoryGroup> make_group(const std::string& name, std::uint64_t bytes);

 private:
  explicit MemoryGroups(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace sluice::os
