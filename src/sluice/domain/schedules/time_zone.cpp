#include "sluice/domain/schedules/time_zone.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

#include <absl/time/time.h>

#include "sluice/base/words.hpp"

namespace sluice::schedules {
namespace {

/// The names of the system's database, sorted: those of its text form, in which a line `Z NAME …` is a zone
/// and `L ZONE NAME` another name of one.
const std::vector<std::string>& known_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found{"UTC"};
    std::ifstream file("/usr/share/zoneinfo/tzdata.zi");
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("Z ") && !line.starts_with("L ")) continue;
      auto name = line.substr(2);
      if (line.starts_with("L ")) name = name.substr(std::min(name.find(' '), name.size() - 1) + 1);
      found.push_back(name.substr(0, name.find(' ')));
    }
    std::ranges::sort(found);
    const auto doubled = std::ranges::unique(found);
    found.erase(doubled.begin(), doubled.end());
    return found;
  }();
  return names;
}

absl::Time to_absl(Time time) { return absl::FromUnixMillis(time.time_since_epoch().count()); }

/// The instant of a change, whose local time is told by clocks of the offset before it.
Time instant_of(absl::CivilSecond local, std::chrono::seconds offset) {
  const auto seconds = local - absl::CivilSecond(1970, 1, 1);
  return Time(std::chrono::seconds(seconds) - offset);
}

}  // namespace

struct TimeZone::Impl {
  absl::TimeZone zone;
};

TimeZone::TimeZone(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
TimeZone::~TimeZone() = default;
TimeZone::TimeZone(const TimeZone&) = default;
TimeZone& TimeZone::operator=(const TimeZone&) = default;

Result<TimeZone> TimeZone::find(const std::string& name) {
  auto impl = std::make_shared<Impl>();
  // Only names of the database are loaded: the library would also open files by their paths, and never
  // forgets a name that it was asked for.
  const auto& names = known_names();
  if (std::ranges::binary_search(names, name) && absl::LoadTimeZone(name, &impl->zone))
    return TimeZone(std::move(impl));
  constexpr std::size_t shown_max = 60;
  auto hint = name.size() <= shown_max ? did_you_mean(name, names) : "";
  if (hint.empty()) hint = "; write a name such as `Europe/Berlin` or `UTC`";
  return Fail(
      user_error(Code::invalid_argument, "there is no time zone `" + name.substr(0, shown_max) + "`" + hint));
}

TimeZone::Period TimeZone::period_of(Time instant) const {
  const auto& zone = impl_->zone;
  const auto at = to_absl(instant);
  Period period{.offset = std::chrono::seconds(zone.At(at).offset)};
  absl::TimeZone::CivilTransition change;
  if (zone.NextTransition(at, &change)) period.end = instant_of(change.from, period.offset);
  // What is asked for is before a whole second, and a change at the instant itself counts.
  if (zone.PrevTransition(at + absl::Seconds(1), &change)) {
    const auto begin = absl::CivilSecond(change.to) - absl::CivilSecond(1970, 1, 1);
    period.begin = Time(std::chrono::seconds(begin) - period.offset);
  }
  return period;
}

}  // namespace sluice::schedules
