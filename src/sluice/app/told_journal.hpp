#pragma once
#include <algorithm>
#include <functional>

#include "sluice/domain/tracking/task_outputs.hpp"
#include "sluice/ports/ledger.hpp"

namespace sluice::app {

/// A journal that also tells which runs have ended, which used the cache, and which have outputs that are to
/// be logged, once that is stored. Thread-safe, as the journal that it passes everything to, which must
/// outlive it.
class ToldJournal final : public ports::Journal {
 public:
  /// Called on the thread that appends; they must not block.
  struct Told {
    std::function<void(const ports::RunRow&)> ended;
    std::function<void(const RunId&)> used_cache;
    std::function<void(const RunId&)> made_outputs;
  };
  ToldJournal(ports::Journal& journal, Told told) : journal_(journal), told_(std::move(told)) {}

  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability durability) override {
    SLUICE_DO(journal_.append(batch, durability));
    for (const auto& each : batch) {
      if (!each.used.empty()) told_.used_cache(each.run);
      if (std::ranges::any_of(each.events, tracking::may_have_logged_outputs)) told_.made_outputs(each.run);
      if (each.row && each.row->ended) told_.ended(*each.row);
    }
    return {};
  }
  [[nodiscard]] Result<std::uint64_t> length(const RunId& run) const override { return journal_.length(run); }
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from,
                                                      std::size_t limit) const override {
    return journal_.read(run, from, limit);
  }

 private:
  ports::Journal& journal_;
  Told told_;
};

}  // namespace sluice::app
