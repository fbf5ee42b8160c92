#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/ports/ledger.hpp"
#include "sluice/ports/object_store.hpp"

// What the stores offer to sweep, measure and check themselves: each says what it holds, and removes what it
// is told to. What stays is decided in domain/storage.

namespace sluice::ports {

/// Objects and bytes.
struct Room {
  std::int64_t things = 0;
  std::int64_t bytes = 0;
};

struct ObjectInfo {
  Digest digest;
  std::int64_t size = 0;
  Time renewed{};  ///< when it was stored, or somebody was told that it is there
};

/// One sweep of an object store; at most one exists at a time, in all processes. From its beginning on, it
/// learns of every object that somebody is told to be there. Used by one thread.
class ObjectSweep {
 public:
  virtual ~ObjectSweep() = default;
  /// What was renewed, or stored again, since the sweep began or since the last call.
  virtual std::vector<Digest> take_renewed() = 0;
  /// From now on, those of these objects (sorted) that are not renewed count as missing, unless something was
  /// renewed since `take_renewed`: then nothing happens, and the result is false.
  virtual bool condemn(const std::vector<Digest>& digests) = 0;
  /// Removes a condemned object. False: it was stored again, and stays.
  virtual Result<bool> remove(const Digest& digest) = 0;
  /// Notes objects that whatever reached them lets go, durably: a sweep that removes nothing else learns from
  /// `let_go` what one that was interrupted left. `forget_let_go` ends that.
  virtual Result<void> note_let_go(const std::vector<Digest>& digests) = 0;
  virtual Result<std::vector<Digest>> let_go() = 0;
  virtual Result<void> forget_let_go() = 0;
};

/// An object store as a sweep sees it. Thread-safe.
class ObjectStorage {
 public:
  virtual ~ObjectStorage() = default;
  /// Objects that were renewed after `limit` are not removed, whatever is condemned.
  /// Code::failed_precondition if another sweep or a backup is under way.
  virtual Result<std::unique_ptr<ObjectSweep>> begin_sweep(Time limit) = 0;
  /// When the oldest of the trees that are being stored was begun; their parts belong to nothing yet.
  [[nodiscard]] virtual std::optional<Time> oldest_unfinished() const = 0;
  /// Every object, in no order.
  virtual Result<void> each_object(const std::function<Result<void>(const ObjectInfo&)>& take) const = 0;
  /// What a directory's message names: files, and the messages of folders.
  struct Parts {
    std::vector<Digest> files;
    std::vector<Digest> folders;
  };
  /// nullopt if the object is not such a message, or missing. Not verified.
  [[nodiscard]] virtual std::optional<Parts> parts_of(const Digest& digest) const = 0;
  /// The messages of the tree that put_tree would store for these files.
  [[nodiscard]] virtual Result<std::vector<Digest>> messages_of(const std::vector<TreeFile>& files) const = 0;
  /// Reads the object: Code::data_loss if it is damaged (it stays where it is).
  [[nodiscard]] virtual Result<void> verify(const Digest& digest) const = 0;
};

/// A cache entry, and when it was last used.
struct UsedCacheEntry {
  CacheEntry entry;
  Time used{};
};

/// The ledger as a sweep sees it. What is passed to a function is valid during the call. No read keeps the
/// ledger's log from being written back for longer than some thousand rows take. Thread-safe.
class LedgerStorage {
 public:
  virtual ~LedgerStorage() = default;
  /// Every run, by workspace, each from the newest to the oldest.
  virtual Result<void> each_run(const std::function<Result<void>(const RunRow&)>& take) const = 0;
  [[nodiscard]] virtual Result<bool> has_run(const RunId& run) const = 0;
  struct StoredEvent {
    RunId run;
    std::uint64_t number = 0;
    std::string text;
  };
  /// Every event of every journal, in order; without those of runs that `skip` returns true for.
  virtual Result<void> each_event(const std::function<bool(const RunId&)>& skip,
                                  const std::function<Result<void>(const StoredEvent&)>& take) const = 0;
  /// Every cache entry, from the last used on.
  virtual Result<void> each_cache_entry(
      const std::function<Result<void>(const UsedCacheEntry&)>& take) const = 0;
  /// An object that is stored under a path.
  struct NamedObject {
    std::string workspace;
    std::string path;
    Digest digest;
  };
  /// Every file that clients stored under a path.
  virtual Result<void> each_artifact(const std::function<Result<void>(const NamedObject&)>& take) const = 0;
  /// The text of every version of a named pipeline ("pipeline version NAME") and of every run that is in a
  /// group ("run ID").
  virtual Result<void> each_kept_plan(const std::function<Result<void>(const NamedObject&)>& take) const = 0;
  /// The content of every version of a data set ("data set NAME@NUMBER").
  virtual Result<void> each_dataset(const std::function<Result<void>(const NamedObject&)>& take) const = 0;
  /// What a schedule submits.
  struct ScheduledObjects {
    std::string workspace;
    std::string name;
    Digest plan;         ///< the text of the plan
    std::string values;  ///< JSON that names its other objects: inputs and code
  };
  virtual Result<void> each_schedule(
      const std::function<Result<void>(const ScheduledObjects&)>& take) const = 0;
  /// Removes runs with their journals, some thousand events in each transaction, and what a removal that was
  /// interrupted left. Returns how many runs were removed.
  virtual Result<std::uint64_t> remove_runs(const std::vector<RunId>& runs) = 0;
  /// A tracked run, a logged model or an experiment that its client removed, and may restore.
  struct RemovedRecord {
    enum class Kind { run, logged_model, experiment };
    Kind kind = Kind::run;
    std::int64_t number = 0;  ///< of its row
    std::string id;
    std::string workspace;
    std::int64_t experiment = 0;
    Time removed{};
    std::string folder;      ///< that holds its artifacts in our own store; "": none
    std::string why_needed;  ///< why it has to stay, whenever it was removed; "": for nothing
  };
  /// Every one of them: runs, then logged models, then experiments.
  virtual Result<void> each_removed(const std::function<Result<void>(const RemovedRecord&)>& take) const = 0;
  /// Erases those that were removed until `limit` and are not restored, each in one transaction with all that
  /// is theirs; of an experiment, then its logged models and traces, and what an erasure that was interrupted
  /// left.
  virtual Result<void> erase(const std::vector<RemovedRecord>& records, Time limit) = 0;
  /// Removes those of the entries that were not used again.
  virtual Result<void> remove_cache_entries(const std::vector<UsedCacheEntry>& entries) = 0;
  /// Removes texts that no event has any more, and syncs all removals to the disk.
  virtual Result<void> finish_removal() = 0;
  /// "TABLE.COLUMN" for each column.
  [[nodiscard]] virtual Result<std::vector<std::string>> columns() const = 0;
  struct Size {
    std::int64_t bytes = 0;  ///< of all its files
    std::int64_t free = 0;   ///< of these: removed rows, whose room is used for new ones
  };
  [[nodiscard]] virtual Result<Size> size() const = 0;
  /// What is wrong with the file; empty: nothing.
  [[nodiscard]] virtual Result<std::vector<std::string>> problems() const = 0;
};

/// The model repositories as a sweep sees them. Thread-safe.
class ModelStorage {
 public:
  virtual ~ModelStorage() = default;
  /// A model, or a version of one, that was removed, and not purged yet.
  struct Removed {
    std::string place;        ///< for `purge`
    std::string name;         ///< "NAME", "NAME v3", for people
    bool is_version = false;  ///< false: the whole model
    Time removed{};
  };
  virtual Result<void> each_removed(const std::function<Result<void>(const Removed&)>& take) const = 0;
  /// Erases what is at these places, and what a purge that was interrupted left. The small files of a version
  /// that came before one that stays are a part of that one's history, and stay with it.
  virtual Result<void> purge(const std::vector<std::string>& places, Time at) = 0;
  /// What one version of a model names.
  struct VersionContent {
    std::string model;                ///< "NAME v3", for people
    bool is_version = true;           ///< false: what is left of versions that are gone
    std::vector<TreeFile> files;      ///< with the digests of the bytes
    std::vector<std::string> texts;   ///< of the files that are in the repository itself
    std::vector<Digest> large_files;  ///< those in the object store
  };
  /// Every version of every model of every workspace, as if those at `purged` were purged already.
  virtual Result<void> each_version(const std::unordered_set<std::string>& purged,
                                    const std::function<Result<void>(const VersionContent&)>& take) const = 0;
  /// Reads everything in each repository; `report` gets what is damaged: the model, and why.
  virtual Result<void> verify(
      const std::function<void(const std::string& model, const std::string& why)>& report) const = 0;
};

/// A folder of things that can be removed one by one: copies, compiled models, logs. Thread-safe.
class DiscardableFolder {
 public:
  virtual ~DiscardableFolder() = default;
  [[nodiscard]] virtual std::string_view kind() const = 0;  ///< "copies of objects", for people
  struct Thing {
    std::string name;  ///< below the folder
    std::int64_t bytes = 0;
    Time used{};
  };
  virtual Result<void> each(const std::function<Result<void>(const Thing&)>& take) const = 0;
  /// False: a process uses it, or has used it since.
  virtual Result<bool> remove(const Thing& thing) = 0;
};

}  // namespace sluice::ports
