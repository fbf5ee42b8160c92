#include "sluice/domain/storage/storage.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/domain/storage/check.hpp"

namespace sluice::storage {
namespace {

Error busy(const std::string& kind) {
  return user_error(Code::failed_precondition,
                    fmt::format("a {} of this data folder is under way; try again when it has ended", kind));
}

}  // namespace

Storage::Storage(Parts parts, std::optional<Automatic> automatic)
    : parts_(std::move(parts)), automatic_(automatic) {
  parts_.stores.proceed = [this]() -> Result<void> {
    if (ending_) return Fail(environment_error(Code::unavailable, "this program ends; try again"));
    return {};
  };
  measure();  // here, so that a quota holds from the first
  thread_ = std::thread([this] { run(); });
}

Storage::~Storage() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Result<Value> Storage::usage() const {
  List areas;
  std::int64_t total = 0;
  for (const auto& area : parts_.areas) {
    SLUICE_TRY(room, area.measure());
    Struct one;
    one.set("name", area.name);
    one.set("things", room.things);
    one.set("bytes", room.bytes);
    total += room.bytes;
    areas.emplace_back(std::move(one));
  }
  parts_.quota.measured(total);
  Struct out;
  out.set("areas", std::move(areas));
  out.set("bytes", total);
  SLUICE_TRY(size, parts_.stores.ledger.size());
  out.set("ledger_free", size.free);
  SLUICE_TRY(free, parts_.free_bytes());
  out.set("free", static_cast<std::int64_t>(free));
  if (const auto limits = parts_.quota.limits(); limits.bytes > 0) out.set("quota", limits.bytes);
  return Value(std::move(out));
}

Result<std::int64_t> Storage::begin(std::string kind, std::function<Result<Value>()> job) {
  std::int64_t number = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (work_.job || busy_) return Fail(busy(busy_ ? "sweep" : work_.kind));
    number = work_.number + 1;
    work_ = {.number = number, .kind = std::move(kind), .job = std::move(job), .result = std::nullopt};
  }
  wake_.notify_all();
  return number;
}

Result<std::int64_t> Storage::begin_sweep(SweepOptions options) {
  return begin("sweep", [this, options]() -> Result<Value> {
    SLUICE_TRY(report, sweep(parts_.stores, options));
    return to_json(report);
  });
}

Result<std::int64_t> Storage::begin_check() {
  return begin("check", [this]() -> Result<Value> {
    SLUICE_TRY(report, check(parts_.stores));
    return to_json(report);
  });
}

Result<Value> Storage::work(std::int64_t number) const {
  const std::scoped_lock lock(mutex_);
  if (number == 0 || number != work_.number)
    return Fail(
        user_error(Code::not_found, fmt::format("no sweep or check has the number {}; only the latest is "
                                                "remembered",
                                                number)));
  if (work_.result && !*work_.result) return Fail(work_.result->error());
  Struct out;
  out.set("number", work_.number);
  out.set("kind", work_.kind);
  out.set("state", work_.result ? "done" : "running");
  if (work_.result) out.set("report", **work_.result);
  return Value(std::move(out));
}

void Storage::measure() {
  // Without a quota nobody asks for it.
  if (parts_.quota.limits().bytes == 0) return;
  if (const auto measured = usage(); !measured)
    log::warning("cannot measure the data folder: " + measured.error().message);
}

void Storage::run() {
  parts_.lower_priority();
  // Soon after the start as well: a server that is started often sweeps, too.
  constexpr Milliseconds at_first = std::chrono::minutes(1);
  auto wait = automatic_ ? std::min(automatic_->every, at_first) : Milliseconds::zero();
  std::unique_lock lock(mutex_);
  const auto called = [this] { return ending_ || (work_.job && !work_.result); };
  for (;;) {
    const bool woken = automatic_ ? wake_.wait_for(lock, wait, called) : (wake_.wait(lock, called), true);
    if (ending_) return;
    if (woken) {
      auto job = work_.job;
      lock.unlock();
      auto result = job();
      measure();
      lock.lock();
      work_.result = std::move(result);
      work_.job = nullptr;
      continue;
    }
    busy_ = true;
    lock.unlock();
    sweep_by_itself();
    measure();
    lock.lock();
    busy_ = false;
    wait = automatic_->every;
  }
}

void Storage::sweep_by_itself() {
  const auto& policy = automatic_->policy;
  const auto swept =
      sweep(parts_.stores, {.policy = policy,
                            .only_cache = !policy.keep_runs && !policy.keep_last && !policy.keep_removed,
                            .explain = {}});
  if (!swept) {
    if (swept.error().code != Code::failed_precondition && !ending_)
      log::error("cannot sweep: " + swept.error().message);
    return;
  }
  std::string removed;
  for (const auto& [kind, room] : swept->removed)
    removed += fmt::format("{}{} {} ({} bytes)", removed.empty() ? "" : ", ", room.things, kind, room.bytes);
  if (!removed.empty()) log::info("swept " + removed);
}

}  // namespace sluice::storage
