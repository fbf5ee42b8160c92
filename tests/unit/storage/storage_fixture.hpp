#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/clock.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/storage/check.hpp"
#include "sluice/domain/storage/sweep.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/directory/discardable_folders.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace sluice::storage {

namespace fs = std::filesystem;

/// The system's clock, some time ahead, so that what was made in a test is old.
class ShiftedClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return system_.now() + ahead.load(); }
  [[nodiscard]] std::chrono::nanoseconds steady() const override { return system_.steady(); }
  std::atomic<Milliseconds> ahead{Milliseconds{0}};

 private:
  SystemClock system_;
};

/// A data folder with real stores.
class StorageTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::make_unique<os::TemporaryDirectory>(
        test::value_of(os::TemporaryDirectory::make(fs::temp_directory_path(), "sluice-test-")));
    const auto& root = root_->path();
    objects_ = test::value_of(stores::DirectoryObjectStore::open(root / "objects", root / "cache", clock_));
    ledger_ = test::value_of(stores::SqliteLedger::open(root / "ledger.db"));
    models_ = test::value_of(stores::GitModelRepository::open(root / "models", *objects_, clock_));
    cache_ = stores::cache_folders(root / "cache", root / "objects");
    of_runs_ = stores::folders_of_runs(root / "logs", root / "folders", root / "cache");
  }

  [[nodiscard]] Stores stores() const {
    std::vector<ports::DiscardableFolder*> cache;
    for (const auto& folder : cache_) cache.push_back(folder.get());
    return {.objects = *objects_,
            .ledger = *ledger_,
            .models = *models_,
            .index = *ledger_,
            .journal = *ledger_,
            .cache = std::move(cache),
            .of_runs = {of_runs_[0].get(), of_runs_[1].get()},
            .clock = clock_};
  }
  [[nodiscard]] SweepReport swept(const Policy& policy = {}, bool dry_run = false) const {
    return test::value_of(sweep(stores(), {.policy = policy, .dry_run = dry_run, .explain = {}}));
  }
  void later(Milliseconds time) { clock_.ahead = clock_.ahead.load() + time; }

  [[nodiscard]] Digest put(std::string_view bytes) const {
    return test::value_of(objects_->put(bytes)).digest;
  }
  /// A directory with one file in it.
  [[nodiscard]] Artifact folder(const std::string& bytes) const {
    const auto stored = test::value_of(objects_->put_tree(
        {{.path = "inner/file", .digest = put(bytes), .size = static_cast<std::int64_t>(bytes.size())}}));
    return {.form = Form::directory, .digest = stored.digest, .size = stored.size};
  }
  /// Whether the directory is there with all its parts, by its files: asking the store would renew them.
  [[nodiscard]] bool is_whole(const Artifact& artifact) const {
    const auto parts = objects_->closure(artifact);
    if (!parts) return false;
    return std::ranges::all_of(*parts,
                               [this](const Digest& part) { return os::exists(objects_->path_of(part)); });
  }
  [[nodiscard]] bool is_there(const Digest& digest) const { return os::exists(objects_->path_of(digest)); }

  /// A run that has this output; running unless it has ended.
  void add_run(const std::string& id, const Artifact& output, bool ended = true, bool cached = false) const {
    const auto now = clock_.now();
    const engine::RunCreated created{.run = {id},
                                     .principal = {},
                                     .name = "plan.yaml",
                                     .pipeline = "main",
                                     .plan = plan,
                                     .plan_digest = Digest::of(plan),
                                     .inputs = {},
                                     .code = {},
                                     .cache = true,
                                     .at = now};
    Struct outputs;
    outputs.set("made", output);
    ports::RunRow row{.id = {id},
                      .principal = {},
                      .name = "plan.yaml",
                      .plan = created.plan_digest,
                      .status = ended ? "succeeded" : "running",
                      .created = now,
                      .ended = ended ? std::optional(now) : std::nullopt,
                      .message = ""};
    ports::Append append{.run = {id},
                         .principal = {},
                         .expected_next = 0,
                         .events = {engine::encode(created),
                                    engine::encode(engine::Ended{
                                        .path = "make", .outputs = outputs, .failure = {}, .at = now})},
                         .row = row,
                         .cache = {}};
    const auto at = append.events[0].find(to_json(Value(plan)));
    append.shared =
        ports::SharedPart{.event = 0, .offset = at + 1, .length = to_json(Value(plan)).size() - 2};
    if (ended)
      append.events.push_back(engine::encode(engine::RunEnded{.outputs = outputs, .failure = {}, .at = now}));
    if (cached)
      append.cache.push_back(
          {.key = Digest::of(id), .outputs = to_tagged(outputs), .run = {id}, .path = "make", .at = now});
    ASSERT_OK(ledger_->append({append}, ports::Durability::process));
  }
  static inline const std::string plan =
      "sluice: 1\npipelines:\n  main:\n    graph:\n      make:\n        process: [\"true\"]\n";

  ShiftedClock clock_;
  std::unique_ptr<os::TemporaryDirectory> root_;
  std::unique_ptr<stores::DirectoryObjectStore> objects_;
  std::unique_ptr<stores::SqliteLedger> ledger_;
  std::unique_ptr<stores::GitModelRepository> models_;
  std::vector<std::unique_ptr<ports::DiscardableFolder>> cache_;
  std::vector<std::unique_ptr<ports::DiscardableFolder>> of_runs_;
};

}  // namespace sluice::storage
