#pragma once
#include <functional>
#include <map>
#include <unordered_map>

#include "faults.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::sim {

/// A ledger in memory. It survives the death of a process; a power cut loses transactions that were not
/// followed by a synced one. The disk may be full.
class SimJournal final : public ports::Journal, public ports::RunIndex {
 public:
  /// `stored` is called with every transaction after it was stored.
  SimJournal(Faults& faults, std::function<void(const std::vector<ports::Append>&)> stored)
      : faults_(faults), stored_(std::move(stored)) {}

  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability durability) override;
  [[nodiscard]] Result<std::uint64_t> length(const RunId& run) const override;
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from,
                                                      std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<ports::RunRow>> runs(const ports::RunFilter& filter) const override;
  [[nodiscard]] Result<std::optional<ports::CacheEntry>> cached(const std::string& workspace,
                                                                const Digest& key) const override;

  void set_full(bool full) { full_ = full; }
  void cut_power();
  /// Every transaction so far, in order.
  [[nodiscard]] const std::vector<std::vector<ports::Append>>& transactions() const { return log_; }

 private:
  void put(const std::vector<ports::Append>& batch);

  Faults& faults_;
  std::function<void(const std::vector<ports::Append>&)> stored_;
  bool full_ = false;
  std::vector<std::vector<ports::Append>> log_;
  std::size_t synced_ = 0;  ///< number of transactions that survive a power cut

  struct Run {
    std::vector<std::string> events;
    ports::RunRow row;
  };
  std::map<std::string, Run> runs_;
  std::map<std::pair<std::string, Digest>, ports::CacheEntry> cache_;
};

}  // namespace sluice::sim
