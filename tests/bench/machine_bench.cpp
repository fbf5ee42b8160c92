// Measures the machine itself, so that results of different days or machines can be compared.
//   machine_bench   prints JSON
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <semaphore>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "figures.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;

using bench::good;
using bench::now;
using bench::quantile;

[[noreturn]] void give_up(std::string_view why) {
  fmt::print(stderr, "machine_bench: {}\n", why);
  std::exit(1);
}

struct Memory {
  double seconds_per_page = 0;  ///< a page of fresh memory, touched for the first time
  double bytes_per_second = 0;  ///< copying a block of memory that is larger than the caches
};

Memory measure_memory() {
  constexpr std::size_t half = 64 << 20;
  void* const mapped = mmap(nullptr, 2 * half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) give_up("out of memory");
  madvise(mapped, 2 * half, MADV_NOHUGEPAGE);
  auto* const bytes = static_cast<unsigned char*>(mapped);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::size_t pages = 0;
  Memory measured;
  auto begun = now();
  for (std::size_t i = 0; i < 2 * half; i += page, ++pages) bytes[i] = 1;
  measured.seconds_per_page = (now() - begun) / static_cast<double>(pages);
  begun = now();
  std::copy_n(bytes, half, bytes + half);
  measured.bytes_per_second = static_cast<double>(half) / (now() - begun);
  munmap(mapped, 2 * half);
  return measured;
}

/// The median time from `release` until a sleeping thread continues.
double measure_wake_up() {
  constexpr std::size_t times = 200;
  std::binary_semaphore asked(0);
  std::binary_semaphore answered(0);
  std::vector<double> took;
  double released = 0;
  std::jthread sleeper([&] {
    for (std::size_t i = 0; i < times; ++i) {
      asked.acquire();
      took.push_back(now() - released);
      answered.release();
    }
  });
  for (std::size_t i = 0; i < times; ++i) {
    // Let the other thread and its processor go to sleep.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    released = now();
    asked.release();
    answered.acquire();
  }
  return quantile(took, 0.5);
}

/// The median time to write and sync one block, as for a journal.
double measure_synced_write() {
  constexpr std::size_t times = 50;
  const auto folder = good(os::TemporaryDirectory::make(std::filesystem::current_path(), "sluice-bench-"));
  const int file = open((folder.path() / "written").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::vector<char> block(4096, 'x');
  std::vector<double> took;
  for (std::size_t i = 0; i < times; ++i) {
    const auto begun = now();
    if (write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size()) || fdatasync(file) != 0)
      give_up("cannot write a file in this folder");
    took.push_back(now() - begun);
  }
  close(file);
  return quantile(took, 0.5);
}

}  // namespace

int main() {
  const auto memory = measure_memory();
  fmt::print(
      "{{\"page_us\": {:.3f}, \"copy_gb_s\": {:.2f}, \"wake_us\": {:.1f}, \"synced_write_ms\": {:.3f}}}\n",
      1e6 * memory.seconds_per_page, 1e-9 * memory.bytes_per_second, 1e6 * measure_wake_up(),
      1e3 * measure_synced_write());
  return 0;
}
