#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/os/files.hpp"

namespace sluice::supervisor {

/// The supervisor's persistent record of attempts: which fences it began, and how they ended. In memory, and
/// as an append-only file: each record a `u32` length, a `u32` CRC-32 and that many bytes. A torn tail is
/// ignored. It survives the death of any process; it is not synced, since a power cut ends the tasks too. Not
/// thread-safe.
class AttemptLog {
 public:
  /// An attempt that was begun and has not ended.
  struct Begun {
    std::string leaf;  ///< path of its cgroup; empty: none
    pid_t pid = 0;     ///< 0: not forked yet, as far as was written
    std::uint64_t ticks =
        0;  ///< since boot, when it was forked: a younger process with that pid is another one
    std::int64_t started_ms = 0;
  };

  /// Reads the file, and rewrites it without records that are no longer needed. `boot_id` shows whether the
  /// pids of an earlier supervisor may still be valid (`same_boot`).
  static Result<AttemptLog> open(const std::filesystem::path& file, const std::string& boot_id);

  [[nodiscard]] bool same_boot() const { return same_boot_; }
  [[nodiscard]] const std::unordered_map<std::string, Begun>& begun() const { return begun_; }
  /// How the fence ended; null if it has not, or if nothing is known.
  [[nodiscard]] const Ended* ended(const std::string& fence) const;
  /// Ended and acknowledged. Of these, the last 10,000 are remembered.
  [[nodiscard]] bool forgotten(const std::string& fence) const { return forgotten_.contains(fence); }
  /// By number.
  [[nodiscard]] const std::map<std::uint64_t, Ended>& ends() const { return ends_; }
  [[nodiscard]] std::uint64_t last_number() const { return last_number_; }

  /// Called before the fork, so that no process can be without a record. Fails if the record cannot be
  /// written.
  Result<void> begin(const std::string& fence, const std::string& leaf, std::int64_t now_ms);
  void forked(const std::string& fence, pid_t pid, std::uint64_t ticks);
  /// Nothing ran: the fence may be started again.
  void withdraw(const std::string& fence);
  /// Records the end, and assigns its number. Of unacknowledged ends, the last 100,000 are kept.
  const Ended& end(Ended ended);
  void forget(const std::string& fence);

 private:
  AttemptLog(std::filesystem::path file, std::string boot_id)
      : file_(std::move(file)), boot_id_(std::move(boot_id)) {}
  void apply(std::string_view record);
  void append(const std::string& record);
  Result<void> rewrite();
  void remember_forgotten(const std::string& fence);
  void drop_oldest();

  std::filesystem::path file_;
  std::string boot_id_;
  os::UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t rewrite_at_ = 0;
  bool written_ = true;  ///< whether the last append was written completely
  bool same_boot_ = false;

  std::unordered_map<std::string, Begun> begun_;
  std::map<std::uint64_t, Ended> ends_;
  std::unordered_map<std::string, std::uint64_t> number_of_;
  std::unordered_set<std::string> forgotten_;
  std::deque<std::string> forgotten_order_;
  std::uint64_t last_number_ = 0;
};

}  // namespace sluice::supervisor
