#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/storage.hpp"

namespace sluice::storage {

/// What an operator wants to keep. What is not set is kept.
struct Policy {
  std::optional<Milliseconds> keep_runs;  ///< runs that ended within this time stay
  std::optional<std::int64_t> keep_last;  ///< of each workspace, this many runs stay
  /// What clients removed of their tracking, or of the registry, within this time stays.
  std::optional<Milliseconds> keep_removed = {};
  std::optional<std::int64_t> cache_bytes;  ///< what can be made again stays, by last use, up to this size
};

/// Who holds what, for sweeps. All outlive it.
struct Stores {
  ports::ObjectStorage& objects;
  ports::LedgerStorage& ledger;
  ports::ModelStorage& models;
  const ports::RunIndex& index;
  const ports::Journal& journal;
  std::vector<ports::DiscardableFolder*> cache;
  std::vector<ports::DiscardableFolder*> of_runs;  ///< a thing for each run, which goes with it
  const Clock& clock;
  /// Asked between any two steps: an error ends the work with it.
  std::function<Result<void>()> proceed = [] { return Result<void>(); };
};

struct SweepOptions {
  Policy policy;
  bool dry_run = false;
  /// Of the objects, only those go that only entries of the cache reached, in this sweep or in one that was
  /// interrupted.
  bool only_cache = false;
  std::optional<Digest> explain;  ///< says why this object stays
};

/// One thing, and why it stays or goes.
struct SweptThing {
  std::string kind;  ///< "run", "objects", "cached result", "logs", "folders of runs", …
  std::string name;
  std::string why;
  std::int64_t things = 1;
  std::int64_t bytes = 0;
};

struct SweepReport {
  bool dry_run = false;
  std::map<std::string, ports::Room> kept;     ///< by kind
  std::map<std::string, ports::Room> removed;  ///< by kind
  std::vector<SweptThing> stays;  ///< the first thousand of each kind; objects by what needs them
  std::vector<SweptThing> goes;   ///< likewise
  std::string explained;          ///< of SweepOptions::explain
};

/// Removes what nothing reaches, beginning with what reaches something: runs and cache entries before
/// objects, a directory before its parts. A sweep that is interrupted leaves nothing that lacks a part, and
/// the next one continues. For one thread; the stores are in use meanwhile. How it is safe beside a server
/// that works: docs/decisions/0020.
Result<SweepReport> sweep(const Stores& stores, const SweepOptions& options);

Value to_json(const SweepReport& report);

}  // namespace sluice::storage
