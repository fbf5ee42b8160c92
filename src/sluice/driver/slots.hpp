#pragma once
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sluice/base/digest.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/ir/resources.hpp"

namespace sluice::driver {

/// What tasks may occupy together. By default, processors and memory are not limited.
struct Capacity {
  std::int64_t cpu = INT64_MAX;               ///< thousandths of a processor
  std::int64_t memory = INT64_MAX;            ///< bytes
  std::int64_t gpu = 0;                       ///< devices, numbered from 0
  std::map<std::string, std::int64_t> pools;  ///< tasks at a time, by pool
  std::size_t tasks = 4'000;                  ///< at once: a supervisor has at most 4,096
};

/// A task of a run that needs resources.
struct SlotRequest {
  RunId run;
  std::string path;
  std::int64_t number = 1;  ///< of the attempt that will start
  ir::Resources resources;
  std::string pool;
  std::optional<Digest> key;  ///< passed through
};

/// Which tasks may start: those that fit into what is free, first come, first served among the tasks of a run
/// with equal needs; runs take turns, and so do needs within a run. A task that was passed over often is not
/// passed over any more by others that need the same. Not thread-safe.
class Slots {
 public:
  explicit Slots(Capacity capacity);

  /// Why a task with these needs can never start; nullopt if it can.
  [[nodiscard]] std::optional<std::string> why_never(const ir::Resources& resources,
                                                     const std::string& pool) const;

  struct Grant {
    SlotRequest request;
    std::vector<std::int64_t> gpus;
  };
  /// Puts a task into the queue, unless it waits or has slots already; or grants it at once, if no other
  /// waits and it fits.
  std::optional<Grant> request(SlotRequest request);
  /// A task that waits need not start any more.
  void withdraw(const RunId& run, const std::string& path);

  /// While paused, no device is granted.
  void pause_devices(bool paused) { devices_paused_ = paused; }

  /// The next task that may start; its slots are occupied from now on. nullopt: none fits.
  std::optional<Grant> grant();
  /// Occupies slots whether they are free or not, for an attempt that was granted them before a restart.
  void occupy(const SlotRequest& request, std::vector<std::int64_t> gpus);
  /// The next attempt of a task keeps the slots of the one before.
  void renew(const RunId& run, const std::string& path, std::int64_t number);
  /// An attempt has ended, or does not start. Ignored if it has no slots, or the next one has them.
  void release(const RunId& run, const std::string& path, std::int64_t number);
  /// Also withdraws what waits.
  void release_all(const RunId& run);

  /// The tasks of a run that wait, and for what: "cpu", "memory", "gpu", "pool NAME", "task", or "its turn".
  /// At most `limit`.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> waiting(const RunId& run,
                                                                         std::size_t limit) const;

 private:
  struct Need {
    ir::Resources resources;
    std::string pool;
    bool operator==(const Need& other) const = default;
  };
  /// Tasks of one run with equal needs.
  struct Queue {
    Need need;
    std::list<SlotRequest> requests;
    std::size_t passed_over = 0;  ///< how often its turn came and the first one did not fit
  };
  struct Waiting {
    std::list<Queue>::iterator queue;
    std::list<SlotRequest>::iterator request;
  };
  struct RunQueues {
    std::list<Queue> queues;  ///< the one whose turn it is first; none is empty
    std::unordered_map<std::string, Waiting> by_path;
  };
  struct Held {
    std::int64_t number = 1;  ///< of the attempt
    Need need;
    std::vector<std::int64_t> gpus;
  };

  [[nodiscard]] std::optional<std::string> lacks(const Need& need) const;
  [[nodiscard]] const Queue* starving() const;
  Grant granted(SlotRequest request);
  void add_back(const Held& held);
  static void erase(RunQueues& run, std::unordered_map<std::string, Waiting>::iterator waiting);

  Capacity capacity_;
  ir::Resources used_;
  std::size_t tasks_ = 0;       ///< that hold slots
  std::vector<int> gpu_users_;  ///< by device
  std::unordered_map<std::string, std::int64_t> pool_users_;
  std::unordered_map<RunId, std::unordered_map<std::string, Held>> held_;  ///< by path
  std::unordered_map<RunId, RunQueues> runs_;                              ///< those with waiting tasks
  std::deque<RunId> turns_;  ///< the same runs, and some without; the next one first
  bool devices_paused_ = false;
  bool may_be_starving_ = false;  ///< some queue was passed over too often
};

}  // namespace sluice::driver
