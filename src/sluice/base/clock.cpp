#include "sluice/base/clock.hpp"

#include <ctime>

#include <fmt/chrono.h>

namespace sluice {

Time SystemClock::now() const { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }
std::chrono::nanoseconds SystemClock::steady() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

std::string to_iso8601(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto tm = fmt::gmtime(static_cast<std::time_t>(seconds.time_since_epoch().count()));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", tm, (time - seconds).count());
}

namespace {

/// Reads a time from its beginning.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  bool skip(std::string_view any_of) {
    if (rest_.empty() || !any_of.contains(rest_.front())) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly so many digits, as a number of at most `most`.
  std::optional<int> number(std::size_t digits, int most) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value <= most ? std::optional(value) : std::nullopt;
  }
  /// The digits after a point, of which three count.
  std::optional<int> milliseconds() {
    int value = 0;
    int digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1))
      if (digits++ < 3) value = value * 10 + (rest_.front() - '0');
    for (int missing = digits; missing < 3; ++missing) value *= 10;
    return digits > 0 && digits <= 9 ? std::optional(value) : std::nullopt;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> read_date(TimeReader& in) {
  const auto year = in.number(4, 9999);
  if (!year || *year < 1970 || !in.skip("-")) return std::nullopt;
  const auto month = in.number(2, 12);
  if (!month || !in.skip("-")) return std::nullopt;
  const auto day = in.number(2, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() ? std::optional(std::chrono::sys_days(date)) : std::nullopt;
}

std::optional<Milliseconds> read_time_of_day(TimeReader& in) {
  const auto hour = in.number(2, 23);
  if (!hour || !in.skip(":")) return std::nullopt;
  const auto minute = in.number(2, 59);
  if (!minute) return std::nullopt;
  Milliseconds time = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
  if (!in.skip(":")) return time;
  const auto second = in.number(2, 59);
  if (!second) return std::nullopt;
  time += std::chrono::seconds(*second);
  if (!in.skip(".")) return time;
  const auto milliseconds = in.milliseconds();
  return milliseconds ? std::optional(time + Milliseconds(*milliseconds)) : std::nullopt;
}

/// How far the time is ahead of UTC.
std::optional<std::chrono::minutes> read_offset(TimeReader& in) {
  if (in.skip("Zz")) return std::chrono::minutes(0);
  const bool ahead = in.skip("+");
  if (!ahead && !in.skip("-")) return std::nullopt;
  const auto hours = in.number(2, 23);
  if (!hours || !in.skip(":")) return std::nullopt;
  const auto minutes = in.number(2, 59);
  if (!minutes) return std::nullopt;
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return ahead ? offset : -offset;
}

}  // namespace

std::optional<Time> parse_iso8601(std::string_view text) {
  TimeReader in(text);
  const auto date = read_date(in);
  if (!date || !in.skip("Tt ")) return std::nullopt;
  const auto time = read_time_of_day(in);
  if (!time) return std::nullopt;
  const auto offset = read_offset(in);
  if (!offset || !in.done()) return std::nullopt;
  const Time at = *date + *time - *offset;
  constexpr std::chrono::sys_days end{std::chrono::year(10'000) / 1 / 1};
  return at >= Time() && at < end ? std::optional(at) : std::nullopt;
}

}  // namespace sluice
