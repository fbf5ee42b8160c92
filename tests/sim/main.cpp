// Hunts for what must not happen.
//   sim [--seconds N] [--seed FIRST]   lives from FIRST (or a fresh seed) on, for N seconds
//   sim --seed N --once                one life, told
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "../canonical_frontend.hpp"
#include "simulation.hpp"
#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"

namespace {

using namespace sluice;
using namespace sluice::sim;

constexpr std::uint64_t lives_between_repetitions = 20;

std::uint64_t seed_now = 0;

/// A check of ours failed, or a sanitizer's: say of which seed.
void on_abort(int) {
  std::fprintf(stderr, "seed %llu: aborted\n", static_cast<unsigned long long>(seed_now));
  std::signal(SIGABRT, SIG_DFL);
}

struct Arguments {
  std::optional<std::uint64_t> seed;
  double seconds = 10;
  bool once = false;
};

std::optional<Arguments> read(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--once") {
      arguments.once = true;
    } else if (i + 1 < argc && word == "--seed") {
      arguments.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && word == "--seconds") {
      arguments.seconds = std::strtod(argv[++i], nullptr);
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

class Hunt {
 public:
  explicit Hunt(const ports::ObjectStore& objects) : objects_(objects) {}

  /// False: a violation, which has been printed.
  bool live(std::uint64_t seed, bool tell) {
    seed_now = seed;
    Simulation simulation(seed, frontend_, objects_);
    try {
      const auto life = simulation.run();
      events_ += life.events;
      deaths_ += life.deaths;
      ++lives_;
      if (tell) print(simulation);
      if (tell || lives_ % lives_between_repetitions == 1) repeat(seed, life.hash);
      return true;
    } catch (const Violation& violation) {
      if (tell) print(simulation);
      fmt::print("seed {}: {}\n  ./dev sim --seed {} tells the whole life\n", seed, violation.what(), seed);
      return false;
    }
  }
  void print_sum(std::uint64_t first) const {
    fmt::print("seeds {} to {}: {} lives, {} deaths of the server, {} events\n", first, first + lives_ - 1,
               lives_, deaths_, events_);
  }

 private:
  void repeat(std::uint64_t seed, std::uint64_t hash) {
    Simulation again(seed, frontend_, objects_);
    if (again.run().hash != hash) throw Violation("the same seed gives other events the second time");
  }
  static void print(const Simulation& simulation) {
    for (const auto& plan : simulation.plans()) fmt::print("{}\n", plan);
    for (const auto& transaction : simulation.journal().transactions())
      for (const auto& append : transaction)
        for (const auto& event : append.events) fmt::print("{} {}\n", append.run.text, event);
  }

  test::CanonicalFrontend frontend_;
  const ports::ObjectStore& objects_;
  std::uint64_t lives_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t deaths_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = read(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "usage: sim [--seconds N] [--seed FIRST] [--once]\n");
    return 2;
  }
  std::signal(SIGABRT, on_abort);
  log::set_level(log::Level::off);
  const SystemClock clock;
  const auto folder = os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-sim-");
  if (!folder) return 3;
  const auto objects =
      stores::DirectoryObjectStore::open(folder->path() / "objects", folder->path() / "cache", clock);
  if (!objects) return 3;

  SystemRandom fresh;
  const auto first = arguments->seed.value_or(fresh.next() % 1'000'000'000);
  Hunt hunt(**objects);
  if (arguments->once) return hunt.live(first, true) ? 0 : 1;
  const auto end = clock.steady() + std::chrono::duration<double>(arguments->seconds);
  auto seed = first;
  do {
    if (!hunt.live(seed++, false)) return 1;
  } while (clock.steady() < end);
  hunt.print_sum(first);
  return 0;
}
