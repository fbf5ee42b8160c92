#include "sluice/stores/git/pack_merges.hpp"

#include <algorithm>

#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/git/objects.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::size_t wanted_max = 100;

void report(const Result<void>& merged) {
  if (!merged && merged.error().code != Code::cancelled)
    log::warning("cannot merge packs: " + merged.error().message);
}

}  // namespace

Result<void> merge_packs(const std::filesystem::path& repository, std::size_t packs_max, MergeLock::Wait wait,
                         const std::stop_token& stop) {
  SLUICE_TRY(merging, MergeLock::acquire(repository, wait));
  if (!merging) return {};
  // Counted under the lock: another one may have merged them.
  SLUICE_TRY(packs, Objects::count_packs(repository));
  if (packs <= packs_max) return {};
  SLUICE_TRY(folder, os::TemporaryDirectory::make(repository, merge_prefix));
  SLUICE_TRY(replaced, Objects::merge_small_packs(repository, folder.path(), stop));
  if (replaced.empty()) return {};
  SLUICE_TRY(changing, RepositoryLock::acquire(repository));
  if (!changing) return {};
  // Where somebody else has repacked the repository, it is as good as merged.
  SLUICE_DO(Objects::replace_packs(repository, folder.path(), replaced));
  return {};
}

PackMerges::~PackMerges() = default;  // stops the thread, and waits for it

void PackMerges::changed(const std::filesystem::path& repository) {
  const auto packs = Objects::count_packs(repository);
  if (!packs) return log::warning("cannot count packs: " + packs.error().message);
  if (*packs > packs_limit)
    report(merge_packs(repository, packs_max, MergeLock::Wait::yes, {}));
  else if (*packs > packs_max)
    want(repository);
}

void PackMerges::want(const std::filesystem::path& repository) {
  const std::scoped_lock lock(mutex_);
  if (under_way_ == repository || wanted_.size() >= wanted_max ||
      std::ranges::find(wanted_, repository) != wanted_.end())
    return;
  wanted_.push_back(repository);
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  changed_.notify_all();
}

void PackMerges::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return wanted_.empty() && !under_way_; });
}

void PackMerges::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !wanted_.empty(); }) && !stop.stop_requested()) {
    under_way_ = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    report(merge_packs(*under_way_, packs_max, MergeLock::Wait::no, stop));
    lock.lock();
    under_way_.reset();
    changed_.notify_all();
  }
}

}  // namespace sluice::stores::git
