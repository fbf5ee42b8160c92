// Runs simulations until an oracle fails.
//   sim [--seconds N] [--seed FIRST]   runs the seeds from FIRST (default: random) on, for N seconds
//   sim --seed N --once                runs one seed and prints its plans and events
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

constexpr std::uint64_t simulations_between_repetitions = 20;

std::uint64_t current_seed = 0;

/// A SLUICE_CHECK or a sanitizer failed: print the seed.
void on_abort(int) {
  std::fprintf(stderr, "seed %llu: aborted\n", static_cast<unsigned long long>(current_seed));
  std::signal(SIGABRT, SIG_DFL);
}

struct Arguments {
  std::optional<std::uint64_t> seed;
  double seconds = 10;
  bool once = false;
};

std::optional<Arguments> parse_arguments(int argc, char** argv) {
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

class SimulationRunner {
 public:
  explicit SimulationRunner(const ports::ObjectStore& objects) : objects_(objects) {}

  /// Returns false after a violation, which has been printed.
  bool run(std::uint64_t seed, bool print_events) {
    current_seed = seed;
    Simulation simulation(seed, frontend_, objects_);
    try {
      const auto summary = simulation.run();
      events_ += summary.events;
      deaths_ += summary.deaths;
      ++simulations_;
      if (print_events) print(simulation);
      if (print_events || simulations_ % simulations_between_repetitions == 1) repeat(seed, summary.hash);
      return true;
    } catch (const Violation& violation) {
      if (print_events) print(simulation);
      fmt::print("seed {}: {}\n  ./dev sim --seed {} prints all its events\n", seed, violation.what(), seed);
      return false;
    }
  }
  void print_summary(std::uint64_t first) const {
    fmt::print("seeds {} to {}: {} simulations, {} deaths of the server, {} events\n", first,
               first + simulations_ - 1, simulations_, deaths_, events_);
  }

 private:
  void repeat(std::uint64_t seed, std::uint64_t hash) {
    Simulation again(seed, frontend_, objects_);
    if (again.run().hash != hash) throw Violation("the same seed gives different events when it is repeated");
  }
  static void print(const Simulation& simulation) {
    for (const auto& plan : simulation.plans()) fmt::print("{}\n", plan);
    for (const auto& transaction : simulation.journal().transactions())
      for (const auto& append : transaction)
        for (const auto& event : append.events) fmt::print("{} {}\n", append.run.text, event);
  }

  test::CanonicalFrontend frontend_;
  const ports::ObjectStore& objects_;
  std::uint64_t simulations_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t deaths_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse_arguments(argc, argv);
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
  SimulationRunner runner(**objects);
  if (arguments->once) return runner.run(first, true) ? 0 : 1;
  const auto end = clock.steady() + std::chrono::duration<double>(arguments->seconds);
  auto seed = first;
  do {
    if (!runner.run(seed++, false)) return 1;
  } while (clock.steady() < end);
  runner.print_summary(first);
  return 0;
}
