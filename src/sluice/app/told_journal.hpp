#pragma once
#include <functional>

#include "sluice/ports/ledger.hpp"

namespace sluice::app {

/// A journal that also tells which runs have ended, once that is stored. Thread-safe, as the journal that it
/// passes everything to, which must outlive it.
class ToldJournal final : public ports::Journal {
 public:
  /// `ended` is called on the thread that appends, and must not block.
  ToldJournal(ports::Journal& journal, std::function<void(const RunId&)> ended)
      : journal_(journal), ended_(std::move(ended)) {}

  Result<void> append(const std::vector<ports::Append>& batch, ports::Durability durability) override {
    SLUICE_DO(journal_.append(batch, durability));
    for (const auto& each : batch)
      if (each.row && each.row->ended) ended_(each.run);
    return {};
  }
  [[nodiscard]] Result<std::uint64_t> length(const RunId& run) const override { return journal_.length(run); }
  [[nodiscard]] Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from,
                                                      std::size_t limit) const override {
    return journal_.read(run, from, limit);
  }

 private:
  ports::Journal& journal_;
  std::function<void(const RunId&)> ended_;
};

}  // namespace sluice::app
