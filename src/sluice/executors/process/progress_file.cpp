#include "sluice/executors/process/progress_file.hpp"

#include <algorithm>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t part_bytes = 4096;  ///< read from each end of the file
constexpr std::size_t unit_bytes_max = 32;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string read_part(int fd, off_t from) {
  std::string part(part_bytes, '\0');
  const auto count = pread(fd, part.data(), part.size(), from);
  part.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return part;
}

std::optional<ports::ProgressReport> first_in(std::string_view text) {
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (auto report = parse_progress(text.substr(0, end))) return report;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

/// A last line without a newline may be incomplete: it is not read.
std::optional<ports::ProgressReport> last_in(std::string_view text) {
  for (auto end = text.rfind('\n'); end != std::string_view::npos; end = text.rfind('\n')) {
    text = text.substr(0, end);
    const auto begin = text.rfind('\n');
    if (auto report = parse_progress(begin == std::string_view::npos ? text : text.substr(begin + 1)))
      return report;
  }
  return std::nullopt;
}

Time time_of(std::int64_t seconds, std::uint32_t nanoseconds) {
  return Time(Milliseconds(seconds * 1000 + nanoseconds / 1'000'000));
}

}  // namespace

std::optional<ports::ProgressReport> parse_progress(std::string_view line) {
  line = trimmed(line);
  ports::ProgressReport report;
  const auto done = take_integer<std::int64_t>(line);
  if (!done || *done < 0) return std::nullopt;
  report.done = *done;
  if (trimmed(line) == "%") {
    report.total = 100;
    report.unit = "%";
    return report;
  }
  if (line.starts_with('/')) {
    line.remove_prefix(1);
    const auto total = take_integer<std::int64_t>(line);
    if (!total || *total < 0) return std::nullopt;
    report.total = *total;
  }
  if (!line.empty() && line.front() != ' ' && line.front() != '\t') return std::nullopt;
  const auto unit = trimmed(line);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (unit.size() > unit_bytes_max || !is_utf8(unit) || std::ranges::any_of(unit, is_control))
    return std::nullopt;
  report.unit = unit;
  return report;
}

std::optional<ports::Progress> read_progress(const std::filesystem::path& file) {
  // The task may have put anything there: a pipe must not be waited for, nor a link followed.
  const os::UniqueFd fd(open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct statx info{};
  if (!fd || statx(fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &info) != 0)
    return std::nullopt;
  if (!S_ISREG(info.stx_mode)) return std::nullopt;
  const auto size = static_cast<off_t>(info.stx_size);
  const auto head = read_part(fd.get(), 0);
  const auto tail = read_part(fd.get(), std::max<off_t>(0, size - static_cast<off_t>(part_bytes)));
  auto latest = last_in(tail);
  if (!latest) return std::nullopt;
  auto first = first_in(head).value_or(*latest);
  latest->at = time_of(info.stx_mtime.tv_sec, info.stx_mtime.tv_nsec);
  const bool has_birth = (info.stx_mask & STATX_BTIME) != 0;
  first.at = has_birth ? time_of(info.stx_btime.tv_sec, info.stx_btime.tv_nsec) : latest->at;
  return ports::progress_of(first, *latest);
}

}  // namespace sluice::executors
