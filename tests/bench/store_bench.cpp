// Stores that hold much: lists of runs and models, and registering versions. `tools/bench.py` runs it.
//
//   store_bench seed DATA RUNS MODELS     fills a data folder
//   store_bench read DATA                 pages and look-ups in it
//   store_bench register FOLDER VERSIONS  registers that many versions of one model
#include <filesystem>
#include <numeric>
#include <string>

#include "figures.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/random.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace sluice::bench {
namespace {

namespace fs = std::filesystem;

constexpr int samples = 200;
constexpr std::size_t page_size = 51;  // as the API asks: one more than it shows
constexpr std::int64_t first_ms = 1'700'000'000'000;
constexpr std::int64_t between_ms = 1000;

struct Stores {
  SystemClock clock;
  std::unique_ptr<stores::SqliteLedger> ledger;
  std::unique_ptr<stores::DirectoryObjectStore> objects;
  std::unique_ptr<stores::GitModelRepository> models;

  explicit Stores(const fs::path& data) {
    good(os::make_directories(data));
    ledger = good(stores::SqliteLedger::open(data / "ledger.db"));
    objects = good(stores::DirectoryObjectStore::open(data / "objects", data / "cache", clock));
    models = good(stores::GitModelRepository::open(data / "models", *objects, clock));
  }
};

ports::NewVersion version_of(const std::string& model, const fs::path& content) {
  return {.model = model,
          .principal = {},
          .content = content,
          .description = "",
          .run_id = "",
          .source = "",
          .effect_key = "",
          .at = {}};
}

void seed_runs(stores::SqliteLedger& ledger, std::int64_t count) {
  constexpr std::int64_t batch = 10'000;
  SeededRandom random(7);
  for (std::int64_t done = 0; done < count;) {
    std::vector<ports::Append> appends;
    for (std::int64_t i = 0; i < batch && done < count; ++i, ++done) {
      const Time created{Milliseconds(first_ms + done * between_ms)};
      const RunId id{new_ulid(created, random)};
      ports::RunRow row{.id = id,
                        .principal = {},
                        .name = "sluice.yaml",
                        .plan = Digest::of("plan"),
                        .status = done % 10 == 0 ? "failed" : "succeeded",
                        .created = created,
                        .ended = created + Milliseconds(500),
                        .message = ""};
      appends.push_back({.run = id,
                         .principal = {},
                         .expected_next = 0,
                         .events = {"{}"},
                         .row = std::move(row),
                         .cache = {}});
    }
    good(ledger.append(appends, ports::Durability::process));
  }
}

/// Registers one model, and copies its folder with links: registering each would measure the disk's syncs.
void seed_models(Stores& stores, const fs::path& data, std::int64_t count) {
  const auto content = data / "content";
  good(os::make_directories(content));
  good(os::write_file(content / "model.json", "{}"));
  const auto name = [](std::int64_t i) { return fmt::format("model-{:06}", i); };
  good(stores.models->add_version(version_of(name(0), content)));
  const auto path_of = [&](std::int64_t i) { return stores.models->path_of("default", name(i)); };
  constexpr std::int64_t links_max = 30'000;  // ext4 allows 65,000 of a file
  constexpr auto copied = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
  for (std::int64_t i = 1; i < count; ++i) {
    const auto linked = i % links_max == 0 ? fs::copy_options::none : fs::copy_options::create_hard_links;
    fs::copy(path_of((i - 1) / links_max * links_max), path_of(i), copied | linked);
  }
}

/// Sets NAME_ms to the median of the milliseconds that `work(i)` takes, and NAME_p99_ms.
template <typename Work>
void measure(Struct& out, const std::string& name, Work work) {
  std::vector<double> times;
  for (int i = 0; i < samples; ++i) {
    const auto begin = now();
    work(i);
    times.push_back(1e3 * (now() - begin));
  }
  out.set(name + "_ms", quantile(times, 0.5));
  out.set(name + "_p99_ms", quantile(times, 0.99));
}

void read(const fs::path& data) {
  Stores stores(data);
  SeededRandom random(11);
  const auto newest = good(stores.ledger->runs({.limit = 1})).at(0);
  const auto seconds = (newest.created.time_since_epoch().count() - first_ms) / between_ms + 1;
  const auto somewhere = [&] {
    const auto at = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(seconds)));
    return ports::RunFilter::Position{.created = Time(Milliseconds(first_ms + at * between_ms)), .id = {"z"}};
  };
  Struct out;
  measure(out, "runs_page",
          [&](int) { good(stores.ledger->runs({.limit = page_size, .after = somewhere()})); });
  measure(out, "runs_of_a_status_page", [&](int) {
    good(stores.ledger->runs({.status = "failed", .limit = page_size, .after = somewhere()}));
  });
  std::vector<std::string> ids;
  for (int i = 0; i < samples; ++i)
    ids.push_back(good(stores.ledger->runs({.limit = 1, .after = somewhere()})).at(0).id.text);
  for (const std::size_t length : {1, 6, 26})
    measure(out, fmt::format("prefix_of_{}", length), [&](int i) {
      const auto prefix = ids[static_cast<std::size_t>(i)].substr(0, length);
      good(stores.ledger->runs({.id_prefix = prefix, .limit = 2}));
    });
  const auto begin = now();
  const auto models = good(stores.models->models("default", {.limit = SIZE_MAX}));
  out.set("models", static_cast<std::int64_t>(models.size()));
  out.set("first_list_of_models_ms", 1e3 * (now() - begin));
  const auto names_somewhere = [&] {
    return good(
        stores.models->models("default", {.after = models[random.below(models.size())], .limit = page_size}));
  };
  measure(out, "model_names", [&](int) { names_somewhere(); });
  measure(out, "models_page", [&](int) {
    for (const auto& model : names_somewhere()) good(stores.models->versions("default", model, {.limit = 2}));
  });
  out.set("resident_mb", static_cast<double>(resident_bytes()) / 1e6);
  fmt::print("{}\n", to_json(out));
}

/// Milliseconds of each registration, of which every tenth is by a process that has read nothing yet.
/// Compares the first and the last tenth, each with several merges of small packs: within one round of
/// merges, the cost rises with each pack.
void register_versions(const fs::path& folder, std::int64_t count) {
  auto stores = std::make_unique<Stores>(folder / "data");
  const auto content = folder / "content";
  good(os::make_directories(content));
  std::vector<double> warm;
  std::vector<double> fresh;
  for (std::int64_t i = 1; i <= count; ++i) {
    good(os::write_file(content / "model.json", fmt::format(R"({{"version": {}}})", i)));
    good(os::write_file(content / "README.md", fmt::format("# Version {}\n", i)));
    auto version = version_of("stamps", content);
    version.effect_key = fmt::format("run-{}/register", i);
    const bool restart = i % 10 == 0;
    if (restart) stores = std::make_unique<Stores>(folder / "data");
    const auto begin = now();
    good(stores->models->add_version(version));
    (restart ? fresh : warm).push_back(1e3 * (now() - begin));
  }
  Struct out;
  const auto compare = [&out](std::vector<double> all, const std::string& suffix) {
    all.erase(all.begin());  // the first makes the repository
    const auto shown = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, all.size() / 10));
    const auto add = [&](const std::string& name, std::vector<double> part) {
      out.set(name + "_mean_ms", std::accumulate(part.begin(), part.end(), 0.0) / static_cast<double>(shown));
      out.set(name + "_ms", quantile(part, 0.5));
    };
    add("first" + suffix, {all.begin(), all.begin() + shown});
    add("last" + suffix, {all.end() - shown, all.end()});
  };
  compare(warm, "");
  compare(fresh, "_after_a_restart");
  out.set("slowest_ms", std::ranges::max(warm));
  fmt::print("{}\n", to_json(out));
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  using namespace sluice::bench;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "seed") {
    Stores stores(words[1]);
    seed_runs(*stores.ledger, std::stoll(words[2]));
    seed_models(stores, words[1], std::stoll(words[3]));
  } else if (words.size() == 2 && words[0] == "read") {
    read(words[1]);
  } else if (words.size() == 3 && words[0] == "register") {
    register_versions(words[1], std::stoll(words[2]));
  } else {
    fmt::print(stderr, "usage: store_bench seed DATA RUNS MODELS | read DATA | register FOLDER VERSIONS\n");
    return 2;
  }
}
