#include "sim_journal.hpp"

#include <algorithm>
#include <span>

namespace sluice::sim {

Result<void> SimJournal::append(const std::vector<ports::Append>& batch, ports::Durability durability) {
  faults_.at_port();
  if (full_) return Fail(environment_error(Code::disk_full, "the disk is full"));
  for (const auto& append : batch) {
    const auto run = runs_.find(append.run.text);
    const auto length = run == runs_.end() ? 0 : run->second.events.size();
    if (length != append.expected_next)
      return Fail(environment_error(Code::conflict, "the journal of run " + append.run.text + " has " +
                                                        std::to_string(length) + " events"));
  }
  put(batch);
  log_.push_back(batch);
  if (durability == ports::Durability::power) synced_ = log_.size();
  stored_(batch);
  faults_.at_port();
  return {};
}

void SimJournal::put(const std::vector<ports::Append>& batch) {
  for (const auto& append : batch) {
    auto& run = runs_[append.run.text];
    run.events.insert(run.events.end(), append.events.begin(), append.events.end());
    if (append.row) run.row = *append.row;
    for (const auto& entry : append.cache) cache_[{entry.workspace, entry.key}] = entry;
  }
}

void SimJournal::cut_power() {
  log_.resize(synced_ + faults_.random.below(log_.size() - synced_ + 1));
  runs_.clear();
  cache_.clear();
  for (const auto& batch : log_) put(batch);
}

Result<std::uint64_t> SimJournal::length(const RunId& run) const {
  const auto found = runs_.find(run.text);
  return found == runs_.end() ? 0 : found->second.events.size();
}

Result<std::vector<std::string>> SimJournal::read(const RunId& run, std::uint64_t from,
                                                  std::size_t limit) const {
  const auto found = runs_.find(run.text);
  if (found == runs_.end()) return std::vector<std::string>{};
  const auto rest = std::span(found->second.events).subspan(std::min(from, found->second.events.size()));
  const auto some = rest.first(std::min(limit, rest.size()));
  return std::vector<std::string>(some.begin(), some.end());
}

Result<std::vector<ports::RunRow>> SimJournal::runs(const ports::RunFilter& filter) const {
  std::vector<ports::RunRow> rows;
  for (auto run = runs_.rbegin(); run != runs_.rend() && rows.size() < filter.limit; ++run) {
    const auto& row = run->second.row;
    if (filter.status && row.status != *filter.status) continue;
    if (filter.id_prefix && !row.id.text.starts_with(*filter.id_prefix)) continue;
    if (filter.after &&
        std::pair(row.created, row.id.text) >= std::pair(filter.after->created, filter.after->id.text))
      continue;
    rows.push_back(row);
  }
  return rows;
}

Result<std::optional<ports::CacheEntry>> SimJournal::cached(const std::string& workspace,
                                                            const Digest& key) const {
  faults_.at_port();
  const auto entry = cache_.find({workspace, key});
  return entry == cache_.end() ? std::nullopt : std::optional(entry->second);
}

}  // namespace sluice::sim
