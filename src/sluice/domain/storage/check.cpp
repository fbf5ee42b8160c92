#include "sluice/domain/storage/check.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/domain/storage/marking.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::storage {
namespace {

constexpr std::size_t problems_named = 1'000;
constexpr std::size_t needers_named = 20;

/// Calls `take` with the digest of each artifact in a tagged value.
void each_artifact(const Value& tagged, const std::function<void(const Digest&)>& take) {
  if (const auto* list = tagged.if_list())
    for (const auto& item : *list) each_artifact(item, take);
  if (const auto* fields = tagged.if_struct())
    for (const auto& [name, field] : *fields) {
      if (name == "$artifact")
        if (const auto digest = Digest::from_hex(field.text_at("digest"))) take(*digest);
      each_artifact(field, take);
    }
}

class Check {
 public:
  explicit Check(const Stores& stores) : stores_(stores), objects_(stores.objects) {}

  Result<CheckReport> run() {
    SLUICE_TRY(problems, stores_.ledger.problems());
    for (auto& why : problems) add({.what = "the ledger", .why = std::move(why), .needed_by = {}});
    SLUICE_DO(objects_.list(Time::max()));
    SLUICE_DO(read_objects());
    find_unsound();
    SLUICE_DO(read_journals());
    SLUICE_DO(read_cache());
    SLUICE_DO(read_models());
    SLUICE_DO(read_artifacts());
    SLUICE_DO(read_plans());
    SLUICE_DO(read_schedules());
    SLUICE_DO(read_datasets());
    for (const auto& [digest, unsound] : unsound_)
      // Nothing needs a part that is missing of something that nothing needs.
      if (!unsound.missing || !unsound.needed_by.empty())
        add({.what = "object " + digest.hex(),
             .why = unsound.why,
             .needed_by = unsound.needed_by,
             .needed_by_more = unsound.more});
    return std::move(report_);
  }

 private:
  struct Unsound {
    std::string why;
    bool missing = false;
    std::vector<std::string> needed_by = {};
    std::int64_t more = 0;
  };

  void add(Problem problem) {
    if (report_.problems.size() < problems_named)
      report_.problems.push_back(std::move(problem));
    else
      ++report_.problems_more;
  }

  Result<void> read_objects() {
    for (const auto& object : objects_.objects()) {
      SLUICE_DO(stores_.proceed());
      if (const auto sound = stores_.objects.verify(object.digest);
          !sound && sound.error().code != Code::not_found)  // it was swept meanwhile
        unsound_.emplace(object.digest, Unsound{.why = "damaged: " + sound.error().message});
      ++report_.objects.things;
      report_.objects.bytes += object.size;
    }
    return {};
  }

  /// Objects that came since the check began are not in its list.
  [[nodiscard]] bool is_missing(const Digest& digest) const {
    if (objects_.find(digest)) return false;
    const auto read = stores_.objects.verify(digest);
    return !read && read.error().code == Code::not_found;
  }

  /// The unsound objects that an object consists of, itself included; remembered for directories.
  const std::vector<Digest>& unsound_in(const Digest& digest) {
    static const std::vector<Digest> none;
    const auto found = unsound_below_.find(digest);
    return found == unsound_below_.end() ? none : found->second;
  }
  void find_unsound() {
    std::unordered_set<Digest> visited;
    for (const auto& object : objects_.objects()) visit(object.digest, visited);
    for (const auto& [digest, unsound] : unsound_) add_below(digest, digest);
  }
  void visit(const Digest& digest, std::unordered_set<Digest>& visited) {
    const auto parts = stores_.objects.parts_of(digest);
    if (!parts || !visited.insert(digest).second) return;
    for (const auto& file : parts->files) {
      if (is_missing(file)) unsound_.emplace(file, Unsound{.why = "missing", .missing = true});
      if (unsound_.contains(file)) add_below(digest, file);
    }
    for (const auto& folder : parts->folders) {
      if (is_missing(folder)) unsound_.emplace(folder, Unsound{.why = "missing", .missing = true});
      if (unsound_.contains(folder)) add_below(digest, folder);
      visit(folder, visited);
      for (const auto& below : std::vector<Digest>(unsound_in(folder))) add_below(digest, below);
    }
  }
  void add_below(const Digest& digest, const Digest& unsound) {
    auto& below = unsound_below_[digest];
    if (below.size() < problems_named && std::ranges::find(below, unsound) == below.end())
      below.push_back(unsound);
  }

  void need(const Digest& digest, const std::string& who) {
    if (is_missing(digest)) {
      unsound_.emplace(digest, Unsound{.why = "missing", .missing = true});
      add_below(digest, digest);
    }
    for (const auto& unsound : unsound_in(digest)) {
      auto& entry = unsound_.at(unsound);
      if (!entry.needed_by.empty() && entry.needed_by.back() == who) continue;
      if (entry.needed_by.size() < needers_named)
        entry.needed_by.push_back(who);
      else
        ++entry.more;
    }
  }

  Result<void> read_journals() {
    RunId run;
    std::uint64_t next = 0;
    bool sound = true;
    return stores_.ledger.each_event(
        [](const RunId&) { return false; },
        [&](const ports::LedgerStorage::StoredEvent& event) -> Result<void> {
          if (event.run != run) {
            run = event.run;
            next = 0;
            sound = true;
            ++report_.journals;
          }
          if (auto why = why_unsound(event, next++); !why.empty() && sound) {
            sound = false;  // what follows is not interpreted either
            add({.what = "the journal of run " + run.text,
                 .why = std::move(why),
                 .needed_by = {"run " + run.text}});
          }
          if (const auto json = parse_json(event.text, "event"))
            each_artifact(*json, [&](const Digest& digest) { need(digest, "run " + run.text); });
          return {};
        });
  }

  static std::string why_unsound(const ports::LedgerStorage::StoredEvent& event, std::uint64_t expected) {
    if (event.number != expected) return fmt::format("event {} is missing", expected);
    const auto decoded = engine::decode(event.text);
    if (!decoded) return fmt::format("event {}: {}", event.number, decoded.error().message);
    const auto* created = std::get_if<engine::RunCreated>(&*decoded);
    if ((created != nullptr) != (event.number == 0)) return "it does not begin with its run's creation";
    if (created == nullptr) return "";
    if (const auto plan = ir::read_plan(created->plan); !plan) return "its plan: " + plan.error().message;
    return Digest::of(created->plan) == created->plan_digest ? ""
                                                             : "its plan does not have the plan's digest";
  }

  Result<void> read_cache() {
    return stores_.ledger.each_cache_entry([&](const ports::UsedCacheEntry& used) -> Result<void> {
      const auto& entry = used.entry;
      // A look-up treats what is missing as a miss, so that nothing needs it.
      each_artifact(entry.outputs, [&](const Digest& digest) {
        if (!is_missing(digest))
          need(digest, fmt::format("the cached result of {} of run {}", entry.path, entry.run.text));
      });
      return {};
    });
  }

  Result<void> read_artifacts() {
    return stores_.ledger.each_artifact(
        [this](const ports::LedgerStorage::NamedObject& artifact) -> Result<void> {
          need(artifact.digest, "artifact " + artifact.path);
          return {};
        });
  }

  Result<void> read_plans() {
    return stores_.ledger.each_kept_plan(
        [this](const ports::LedgerStorage::NamedObject& plan) -> Result<void> {
          need(plan.digest, plan.path);
          return {};
        });
  }

  Result<void> read_schedules() {
    return stores_.ledger.each_schedule(
        [this](const ports::LedgerStorage::ScheduledObjects& schedule) -> Result<void> {
          const auto who = "schedule " + schedule.name;
          need(schedule.plan, who);
          if (const auto json = parse_json(schedule.values, "schedule"))
            each_artifact(*json, [&](const Digest& digest) { need(digest, who); });
          return {};
        });
  }

  Result<void> read_datasets() {
    return stores_.ledger.each_dataset(
        [this](const ports::LedgerStorage::NamedObject& version) -> Result<void> {
          need(version.digest, version.path);
          return {};
        });
  }

  Result<void> read_models() {
    SLUICE_DO(stores_.models.verify([this](const std::string& model, const std::string& why) {
      add({.what = "model " + model, .why = why, .needed_by = {"model " + model}});
    }));
    const auto read = stores_.models.each_version(
        {}, [&](const ports::ModelStorage::VersionContent& version) -> Result<void> {
          if (version.is_version) ++report_.versions;
          for (const auto& digest : version.large_files) need(digest, "model " + version.model);
          return {};
        });
    // What cannot be read has been reported.
    static_cast<void>(read);
    return {};
  }

  const Stores& stores_;
  Marking objects_;
  CheckReport report_;
  std::map<Digest, Unsound> unsound_;
  std::unordered_map<Digest, std::vector<Digest>> unsound_below_;
};

}  // namespace

Result<CheckReport> check(const Stores& stores) {
  Check check(stores);
  return check.run();
}

Value to_json(const CheckReport& report) {
  Struct out;
  out.set("objects", report.objects.things);
  out.set("bytes", report.objects.bytes);
  out.set("versions", report.versions);
  out.set("journals", report.journals);
  List problems;
  for (const auto& problem : report.problems) {
    Struct one;
    one.set("what", problem.what);
    one.set("why", problem.why);
    one.set("needed_by", List(problem.needed_by.begin(), problem.needed_by.end()));
    if (problem.needed_by_more > 0) one.set("needed_by_more", problem.needed_by_more);
    problems.emplace_back(std::move(one));
  }
  out.set("problems", std::move(problems));
  if (report.problems_more > 0) out.set("problems_more", report.problems_more);
  return out;
}

}  // namespace sluice::storage
