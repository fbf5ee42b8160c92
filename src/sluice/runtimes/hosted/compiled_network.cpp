#include "sluice/runtimes/hosted/compiled_network.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <tuple>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/os/files.hpp"

namespace sluice::runtimes {
namespace {

constexpr std::size_t bytes_max = std::size_t{8} << 30;

bool is_name_of_network(std::string_view name) {
  constexpr std::string_view start = "items-";
  constexpr std::string_view end = ".blob";
  constexpr std::size_t digits = 64;
  if (name.size() != start.size() + digits + end.size() || !name.starts_with(start) || !name.ends_with(end))
    return false;
  return std::ranges::all_of(name.substr(start.size(), digits),
                             [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Fail refuse(std::string_view why) {
  return Fail(
      internal_error(Code::invalid_argument, "what the host compiled is not kept: " + std::string(why)));
}

}  // namespace

Result<void> keep_compiled_network(const std::filesystem::path& scratch, const std::string& name,
                                   const std::filesystem::path& compiled) {
  if (!is_name_of_network(name)) return refuse("its file has another name than the network of a base");
  SLUICE_TRY(from, os::open_file(scratch / name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat about{};
  if (::fstat(from.get(), &about) != 0) return Fail(system_error("look at " + name, errno));
  if (!S_ISREG(about.st_mode) || about.st_nlink != 1) return refuse("it is not a regular file of its own");
  if (static_cast<std::size_t>(about.st_size) > bytes_max) return refuse("it is too large");
  const auto partial = compiled / (name + ".part");
  SLUICE_DO(os::remove_tree(partial));
  SLUICE_TRY(to, os::open_file(partial, O_WRONLY | O_CREAT | O_EXCL, 0400));
  std::size_t copied = 0;  // the host may still be writing
  auto outcome = os::read_blocks(from.get(), name, [&](std::string_view block) -> Result<void> {
    copied += block.size();
    if (copied > bytes_max) return refuse("it is too large");
    return os::write_fd(to.get(), block);
  });
  if (outcome && ::fsync(to.get()) != 0)
    outcome = Fail(system_error("sync " + os::printable(partial), errno));
  if (outcome && ::rename(partial.c_str(), (compiled / name).c_str()) != 0)
    outcome = Fail(system_error("rename " + os::printable(partial), errno));
  if (!outcome) std::ignore = os::remove_tree(partial);
  return outcome;
}

}  // namespace sluice::runtimes
