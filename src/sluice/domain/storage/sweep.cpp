#include "sluice/domain/storage/sweep.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/domain/storage/marking.hpp"
#include "sluice/engine/event.hpp"

namespace sluice::storage {
namespace {

constexpr std::chrono::hours grace{1};
constexpr std::size_t things_named = 1'000;  ///< of each kind, in a report

/// When the oldest attempt of a run began whose end is not in its journal. The objects that it made may be in
/// no journal yet.
Result<std::optional<Time>> oldest_open_attempt(const ports::Journal& journal, const RunId& run) {
  constexpr std::size_t events_at_once = 512;
  std::unordered_map<std::string, Time> open;
  for (std::uint64_t from = 0;;) {
    SLUICE_TRY(events, journal.read(run, from, events_at_once));
    for (const auto& text : events) {
      SLUICE_TRY(event, engine::decode(text));
      if (const auto* scheduled = std::get_if<engine::Scheduled>(&event))
        open.insert_or_assign(scheduled->path, scheduled->at);
      else if (const auto* ended = std::get_if<engine::AttemptEnded>(&event))
        open.erase(ended->path);
    }
    from += events.size();
    if (events.size() < events_at_once) break;
  }
  std::optional<Time> oldest;
  for (const auto& [path, at] : open)
    if (!oldest || at < *oldest) oldest = at;
  return oldest;
}

class Sweep {
 public:
  Sweep(const Stores& stores, const SweepOptions& options)
      : stores_(stores), options_(options), marking_(stores.objects), now_(stores.clock.now()) {
    report_.dry_run = options.dry_run;
  }

  Result<SweepReport> run() {
    SLUICE_DO(find_limit());
    SLUICE_TRY(begun, stores_.objects.begin_sweep(limit_));
    objects_ = std::move(begun);
    SLUICE_DO(marking_.list(limit_));
    SLUICE_TRY(let_go, objects_->let_go());
    for (const auto& digest : let_go) marking_.let_go(digest);
    SLUICE_DO(choose_runs());
    SLUICE_DO(remove_runs());
    SLUICE_DO(choose_removed_records());
    SLUICE_DO(erase_records());
    SLUICE_DO(choose_removed_models());
    SLUICE_DO(purge_models());
    SLUICE_DO(mark_runs());
    SLUICE_DO(mark_models());
    SLUICE_DO(mark_artifacts());
    SLUICE_DO(mark_plans());
    SLUICE_DO(mark_schedules());
    SLUICE_DO(mark_datasets());
    SLUICE_DO(sweep_cache());
    SLUICE_DO(sweep_logs());
    if (!options_.dry_run) SLUICE_DO(stores_.ledger.finish_removal());
    SLUICE_DO(sweep_objects());
    if (!options_.dry_run) SLUICE_DO(objects_->forget_let_go());
    return std::move(report_);
  }

 private:
  void keep(std::string kind, std::string name, std::string why, std::int64_t bytes = 0,
            std::int64_t things = 1) {
    add(report_.kept, report_.stays, std::move(kind), std::move(name), std::move(why), bytes, things);
  }
  void drop(std::string kind, std::string name, std::string why, std::int64_t bytes = 0,
            std::int64_t things = 1) {
    add(report_.removed, report_.goes, std::move(kind), std::move(name), std::move(why), bytes, things);
  }
  static void add(std::map<std::string, ports::Room>& rooms, std::vector<SweptThing>& named, std::string kind,
                  std::string name, std::string why, std::int64_t bytes, std::int64_t things) {
    auto& room = rooms[kind];
    room.things += things;
    room.bytes += bytes;
    if (room.things - things < static_cast<std::int64_t>(things_named))
      named.push_back({.kind = std::move(kind),
                       .name = std::move(name),
                       .why = std::move(why),
                       .things = things,
                       .bytes = bytes});
  }

  /// What is younger stays: what came within the last hour, what belongs to a tree that is not stored as a
  /// whole yet, and what a task that has not ended may have made.
  Result<void> find_limit() {
    constexpr std::size_t runs_max = 1'000'000;
    limit_ = now_;
    if (const auto oldest = stores_.objects.oldest_unfinished()) limit_ = std::min(limit_, *oldest);
    SLUICE_TRY(running,
               stores_.index.runs(
                   {.workspace = "", .status = "running", .id_prefix = std::nullopt, .limit = runs_max}));
    for (const auto& row : running) {
      auto oldest = oldest_open_attempt(stores_.journal, row.id);
      if (!oldest) return Fail(std::move(oldest).error().at("nothing is swept: run " + row.id.text));
      if (*oldest) limit_ = std::min(limit_, **oldest);
    }
    limit_ -= grace;
    return {};
  }

  [[nodiscard]] std::string why_run_stays(const ports::RunRow& row, std::int64_t rank) const {
    const auto& policy = options_.policy;
    if (row.status == ports::set_aside) return "it is set aside";
    if (!row.ended) return "it is running";
    if (*row.ended > now_ - grace) return "it ended within the last hour";
    if (!policy.keep_runs && !policy.keep_last) return "no policy says how long runs are kept";
    if (policy.keep_runs && *row.ended > now_ - *policy.keep_runs)
      return "it ended within the time of --keep-runs";
    if (policy.keep_last && rank < *policy.keep_last) return "it is one of the runs of --keep-last";
    return "";
  }

  Result<void> choose_runs() {
    std::string workspace;
    std::int64_t rank = 0;
    return stores_.ledger.each_run([&](const ports::RunRow& row) -> Result<void> {
      if (row.principal.workspace != workspace) {
        workspace = row.principal.workspace;
        rank = 0;
      }
      auto why = why_run_stays(row, rank++);
      if (!why.empty()) {
        keep("runs", row.id.text, std::move(why));
      } else {
        gone_.insert(row.id);
        drop("runs", row.id.text, "older than what --keep-runs and --keep-last keep");
      }
      return {};
    });
  }

  Result<void> remove_runs() {
    if (options_.dry_run) return {};
    SLUICE_TRY(removed, stores_.ledger.remove_runs({gone_.begin(), gone_.end()}));
    static_cast<void>(removed);
    return {};
  }

  [[nodiscard]] std::string why_removed_stays(Time removed) const {
    if (!options_.policy.keep_removed) return "no policy says how long what clients removed is kept";
    if (removed > removed_limit()) return "it was removed within the time of --keep-removed";
    return "";
  }
  [[nodiscard]] Time removed_limit() const {
    return now_ - options_.policy.keep_removed.value_or(Milliseconds{});
  }

  Result<void> choose_removed_records() {
    using Record = ports::LedgerStorage::RemovedRecord;
    std::unordered_set<std::int64_t> needed_experiments;
    return stores_.ledger.each_removed([&](const Record& record) -> Result<void> {
      const std::string kind = record.kind == Record::Kind::run            ? "tracked runs"
                               : record.kind == Record::Kind::logged_model ? "logged models"
                                                                           : "experiments";
      auto why = why_removed_stays(record.removed);
      if (why.empty()) why = record.why_needed;
      if (why.empty() && record.kind == Record::Kind::experiment &&
          needed_experiments.contains(record.number))
        why = "what was removed of it later stays";
      if (!why.empty()) {
        if (record.kind != Record::Kind::experiment) needed_experiments.insert(record.experiment);
        keep(kind, record.id, std::move(why));
        return {};
      }
      drop(kind, record.id, "removed longer ago than --keep-removed");
      if (!record.folder.empty()) erased_folders_.insert(folder_key(record.workspace, record.folder));
      erased_.push_back(record);
      return {};
    });
  }

  Result<void> erase_records() {
    if (options_.dry_run) return {};
    return stores_.ledger.erase(std::exchange(erased_, {}), removed_limit());
  }

  Result<void> choose_removed_models() {
    return stores_.models.each_removed([&](const ports::ModelStorage::Removed& removed) -> Result<void> {
      const std::string kind = removed.is_version ? "removed versions" : "removed models";
      if (auto why = why_removed_stays(removed.removed); !why.empty()) {
        keep(kind, removed.name, std::move(why));
        return {};
      }
      drop(kind, removed.name, "removed longer ago than --keep-removed");
      purged_.insert(removed.place);
      return {};
    });
  }

  Result<void> purge_models() {
    if (options_.dry_run) return {};
    return stores_.models.purge({purged_.begin(), purged_.end()}, now_);
  }

  static std::string folder_key(const std::string& workspace, std::string_view folder) {
    return workspace + '\n' + std::string(folder);
  }

  /// Whether the artifact goes with the record that it belongs to, or would.
  [[nodiscard]] bool is_erased(const ports::LedgerStorage::NamedObject& artifact) const {
    const std::string_view path = artifact.path;
    if (erased_folders_.empty()) return false;
    for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
      if (erased_folders_.contains(folder_key(artifact.workspace, path.substr(0, slash)))) return true;
    return false;
  }

  Result<void> mark_runs() {
    RunId run;
    Marking::Reason reason = 0;
    return stores_.ledger.each_event([this](const RunId& id) { return gone_.contains(id); },
                                     [&](const ports::LedgerStorage::StoredEvent& event) -> Result<void> {
                                       if (event.run != run || reason == 0) {
                                         SLUICE_DO(stores_.proceed());
                                         run = event.run;
                                         reason = marking_.add_reason(Marking::Kind::run, "run " + run.text);
                                       }
                                       marking_.mark_text(event.text, reason);
                                       return {};
                                     });
  }

  Result<void> mark_models() {
    return stores_.models.each_version(
        purged_, [this](const ports::ModelStorage::VersionContent& version) -> Result<void> {
          const auto reason = marking_.add_reason(Marking::Kind::model, "model " + version.model);
          for (const auto& digest : version.large_files) marking_.mark(digest, reason);
          for (const auto& text : version.texts) marking_.mark_text(text, reason);
          // As it is materialized for hosts.
          for (const auto& file : version.files) marking_.mark(file.digest, reason);
          SLUICE_TRY(messages, stores_.objects.messages_of(version.files));
          for (const auto& message : messages) marking_.mark(message, reason);
          return {};
        });
  }

  Result<void> mark_artifacts() {
    return stores_.ledger.each_artifact(
        [this](const ports::LedgerStorage::NamedObject& artifact) -> Result<void> {
          SLUICE_DO(stores_.proceed());
          if (options_.dry_run && is_erased(artifact)) return {};
          marking_.mark(artifact.digest,
                        marking_.add_reason(Marking::Kind::artifact, "artifact " + artifact.path));
          return {};
        });
  }

  Result<void> mark_plans() {
    constexpr std::string_view run = "run ";
    return stores_.ledger.each_kept_plan([&](const ports::LedgerStorage::NamedObject& plan) -> Result<void> {
      SLUICE_DO(stores_.proceed());
      if (options_.dry_run && plan.path.starts_with(run) &&
          gone_.contains(RunId{plan.path.substr(run.size())}))
        return {};
      marking_.mark(plan.digest, marking_.add_reason(Marking::Kind::plan, plan.path));
      return {};
    });
  }

  Result<void> mark_schedules() {
    return stores_.ledger.each_schedule(
        [this](const ports::LedgerStorage::ScheduledObjects& schedule) -> Result<void> {
          SLUICE_DO(stores_.proceed());
          const auto reason = marking_.add_reason(Marking::Kind::schedule, "schedule " + schedule.name);
          marking_.mark(schedule.plan, reason);
          marking_.mark_text(schedule.values, reason);
          return {};
        });
  }

  Result<void> mark_datasets() {
    return stores_.ledger.each_dataset(
        [this](const ports::LedgerStorage::NamedObject& version) -> Result<void> {
          SLUICE_DO(stores_.proceed());
          marking_.mark(version.digest, marking_.add_reason(Marking::Kind::dataset, version.path));
          return {};
        });
  }

  struct CacheThing {
    ports::DiscardableFolder* folder = nullptr;
    ports::DiscardableFolder::Thing thing;
  };

  /// Entries of the cache with what only they reach, and what else can be made again: by last use.
  Result<void> sweep_cache() {
    std::vector<CacheThing> things;
    for (auto* folder : stores_.cache)
      SLUICE_DO(folder->each([&](const ports::DiscardableFolder::Thing& thing) -> Result<void> {
        things.push_back({.folder = folder, .thing = thing});
        return {};
      }));
    std::ranges::sort(things, std::greater{}, [](const CacheThing& thing) { return thing.thing.used; });
    room_left_ = options_.policy.cache_bytes.value_or(INT64_MAX);
    auto next = things.begin();
    SLUICE_DO(stores_.ledger.each_cache_entry([&](const ports::UsedCacheEntry& entry) -> Result<void> {
      for (; next != things.end() && next->thing.used >= entry.used; ++next) SLUICE_DO(decide(*next));
      return decide(entry);
    }));
    for (; next != things.end(); ++next) SLUICE_DO(decide(*next));
    return remove_entries();
  }

  Result<void> decide(const CacheThing& found) {
    SLUICE_DO(stores_.proceed());
    const auto& thing = found.thing;
    const std::string kind(found.folder->kind());
    const bool fits = thing.bytes <= room_left_;
    if (fits || thing.used > limit_) {
      room_left_ -= thing.bytes;
      keep(kind, thing.name, fits ? "it fits into --cache-bytes" : "it was used within the last hour",
           thing.bytes);
      return {};
    }
    if (!options_.dry_run) {
      SLUICE_TRY(removed, found.folder->remove(thing));
      if (!removed) {
        room_left_ -= thing.bytes;
        keep(kind, thing.name, "it is in use", thing.bytes);
        return {};
      }
    }
    drop(kind, thing.name, "beyond --cache-bytes, by last use", thing.bytes);
    return {};
  }

  Result<void> decide(const ports::UsedCacheEntry& used) {
    const auto& entry = used.entry;
    const auto name = fmt::format("{} of run {}", entry.path, entry.run.text);
    const auto outputs = to_json(entry.outputs);
    const bool recent = used.used > limit_;
    const auto reason = marking_.add_reason(Marking::Kind::cache, "the cached result of " + name);
    const auto row = static_cast<std::int64_t>(outputs.size() + entry.path.size());
    const auto bytes = marking_.mark_if_small(outputs, reason, recent ? INT64_MAX : room_left_ - row);
    if (bytes) {
      room_left_ -= *bytes + row;
      keep("cached results", name, recent ? "it was used within the last hour" : "it fits into --cache-bytes",
           *bytes);
      return {};
    }
    drop("cached results", name, "beyond --cache-bytes, by last use");
    dropped_.push_back(used);
    constexpr std::size_t entries_at_once = 1'000;
    return dropped_.size() < entries_at_once ? Result<void>() : remove_entries();
  }

  Result<void> remove_entries() {
    const auto entries = std::exchange(dropped_, {});
    if (options_.dry_run || entries.empty()) return {};
    if (options_.only_cache) SLUICE_DO(objects_->note_let_go(marking_.take_let_go()));
    SLUICE_DO(stores_.proceed());
    return stores_.ledger.remove_cache_entries(entries);
  }

  Result<void> sweep_logs() {
    return stores_.logs.each([&](const ports::DiscardableFolder::Thing& log) -> Result<void> {
      const RunId run{log.name};
      SLUICE_TRY(stored, stores_.ledger.has_run(run));
      const bool needed = stored && !gone_.contains(run);
      if (needed || log.used > limit_) {
        keep("logs", log.name, needed ? "its run stays" : "it was written within the last hour", log.bytes);
        return {};
      }
      if (!options_.dry_run) {
        SLUICE_TRY(removed, stores_.logs.remove(log));
        if (!removed) return {};
      }
      drop("logs", log.name, "its run is gone", log.bytes);
      return {};
    });
  }

  [[nodiscard]] bool goes(const Marking::Object& object) const {
    return object.reason == 0 && (!options_.only_cache || object.let_go);
  }

  Result<void> sweep_objects() {
    const auto recent =
        marking_.add_reason(Marking::Kind::recent, "somebody was told that it is there, just now");
    for (;;) {
      for (const auto& digest : objects_->take_renewed()) marking_.mark(digest, recent);
      std::vector<Digest> condemned;
      for (const auto& object : marking_.objects())
        if (goes(object)) condemned.push_back(object.digest);
      if (options_.dry_run || condemned.empty()) break;
      if (objects_->condemn(condemned)) {
        SLUICE_DO(remove_objects());
        break;
      }
    }
    report_objects();
    return {};
  }

  /// Each directory before its parts: whatever is left if this is interrupted has all its parts.
  Result<void> remove_objects() {
    const auto& all = marking_.objects();
    std::vector<std::uint32_t> parents(all.size());
    const auto each_part = [&](std::size_t at, const auto& take) {
      const auto parts = stores_.objects.parts_of(all[at].digest);
      if (!parts) return;
      for (const auto* list : {&parts->files, &parts->folders})
        for (const auto& part : *list)
          if (const auto found = marking_.find(part); found && goes(all[*found])) take(*found);
    };
    for (std::size_t at = 0; at < all.size(); ++at)
      if (goes(all[at])) each_part(at, [&](std::size_t part) { ++parents[part]; });
    std::vector<std::size_t> ready;
    for (std::size_t at = 0; at < all.size(); ++at)
      if (goes(all[at]) && parents[at] == 0) ready.push_back(at);
    while (!ready.empty()) {
      SLUICE_DO(stores_.proceed());
      const auto at = ready.back();
      ready.pop_back();
      std::vector<std::size_t> parts;
      each_part(at, [&](std::size_t part) { parts.push_back(part); });
      SLUICE_TRY(removed, objects_->remove(all[at].digest));
      if (!removed) stored_again_.insert(at);
      for (const auto part : parts)
        if (--parents[part] == 0) ready.push_back(part);
    }
    return {};
  }

  void report_objects() {
    std::unordered_map<Marking::Reason, ports::Room> by_reason;
    const auto& all = marking_.objects();
    for (std::size_t at = 0; at < all.size(); ++at) {
      const auto& object = all[at];
      if (goes(object) && !stored_again_.contains(at)) {
        drop("objects", object.digest.hex(), "nothing needs it", object.size);
        continue;
      }
      auto& room = by_reason[object.reason];
      ++room.things;
      room.bytes += object.size;
    }
    for (const auto& [reason, room] : by_reason)
      keep("objects", fmt::format("{} object{}", room.things, room.things == 1 ? "" : "s"),
           reason == 0 ? "nothing needs them, and only the cache is swept" : marking_.reason(reason).name,
           room.bytes, room.things);
    if (!options_.explain) return;
    const auto found = marking_.find(*options_.explain);
    report_.explained = !found              ? "is not in the store"
                        : goes(all[*found]) ? "goes: nothing needs it"
                                            : "stays: " + marking_.reason(all[*found].reason).name;
  }

  const Stores& stores_;
  const SweepOptions& options_;
  Marking marking_;
  const Time now_;
  Time limit_{};
  SweepReport report_;
  std::unique_ptr<ports::ObjectSweep> objects_;
  std::unordered_set<RunId> gone_;
  std::vector<ports::LedgerStorage::RemovedRecord> erased_;
  std::unordered_set<std::string> purged_;          ///< places of models and versions
  std::unordered_set<std::string> erased_folders_;  ///< see `folder_key`
  std::vector<ports::UsedCacheEntry> dropped_;      ///< and not removed yet
  std::unordered_set<std::size_t> stored_again_;
  std::int64_t room_left_ = 0;
};

Value rooms_to_json(const std::map<std::string, ports::Room>& rooms) {
  Struct out;
  for (const auto& [kind, room] : rooms) {
    Struct one;
    one.set("things", room.things);
    one.set("bytes", room.bytes);
    out.set(kind, std::move(one));
  }
  return out;
}

Value things_to_json(const std::vector<SweptThing>& things) {
  List out;
  for (const auto& thing : things) {
    Struct one;
    one.set("kind", thing.kind);
    one.set("name", thing.name);
    one.set("why", thing.why);
    one.set("bytes", thing.bytes);
    out.emplace_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<SweepReport> sweep(const Stores& stores, const SweepOptions& options) {
  Sweep sweep(stores, options);
  return sweep.run();
}

Value to_json(const SweepReport& report) {
  Struct out;
  out.set("dry_run", report.dry_run);
  out.set("removed", rooms_to_json(report.removed));
  out.set("kept", rooms_to_json(report.kept));
  out.set("goes", things_to_json(report.goes));
  out.set("stays", things_to_json(report.stays));
  if (!report.explained.empty()) out.set("explained", report.explained);
  return out;
}

}  // namespace sluice::storage
