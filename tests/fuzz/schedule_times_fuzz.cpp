#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/domain/schedules/cron.hpp"

namespace {

using namespace sluice;

/// Each next instant is later, in a whole second, and nothing is due between it and the one before.
void check_next(const schedules::Cron& cron, Time after, const schedules::TimeZone& zone) {
  const auto next = cron.next(after, zone);
  if (!next) return;
  SLUICE_CHECK(*next > after && next->time_since_epoch() % std::chrono::seconds(1) == Milliseconds(0));
  SLUICE_CHECK(cron.next(after + (*next - after - Milliseconds(1)) / 2, zone) == next);
  SLUICE_CHECK(cron.next(*next - Milliseconds(1), zone) == next);
}

}  // namespace

// Lines: a cron expression, a time, the name of a time zone.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string lines[3];
  for (auto& line : lines) {
    const auto end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto time = parse_iso8601(lines[1]);
  if (time) SLUICE_CHECK(parse_iso8601(to_iso8601(*time)) == time);
  const auto cron = schedules::Cron::parse(lines[0]);
  const auto zone = schedules::TimeZone::find(lines[2]);
  if (cron && zone) check_next(*cron, time.value_or(Time(std::chrono::days(20'000))), *zone);
  return 0;
}
