#include "sluice/domain/tracking/trace_times.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/domain/tracking/search_grammar.hpp"

namespace sluice::tracking {
namespace {

constexpr std::int64_t second = 1000;

Fail wrong(std::string_view name, std::string_view value, std::string_view form) {
  return Fail(user_error(Code::invalid_argument,
                         fmt::format("Invalid value {} for parameter '{}' supplied: it is written {}",
                                     to_json(Value(shown(value))), name, form)));
}

/// Takes so many digits.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  const auto digits = text.substr(0, count);
  if (digits.size() < count || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(count);
  return parse_integer<int>(digits);
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// ".504" as milliseconds; what is beyond them is cut.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  constexpr std::size_t digits_max = 9;
  if (digits == 0 || digits > digits_max) return std::nullopt;
  const auto part = (std::string(text.substr(0, digits)) + "00").substr(0, 3);
  text.remove_prefix(digits);
  return parse_integer<std::int64_t>(part);
}

/// "Z", "+02:00": how much local time is ahead, in minutes.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'Z')) return 0;
  const bool is_behind = text.starts_with('-');
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  constexpr int in_hour = 60;
  if (!minutes || *hours > 23 || *minutes >= in_hour) return std::nullopt;
  return (is_behind ? -1 : 1) * (*hours * in_hour + *minutes);
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  namespace chrono = std::chrono;
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto whole = take_digits(text, 2);
  if (!whole) return std::nullopt;
  const auto fraction = take_fraction(text);
  const auto offset = take_offset(text);
  const chrono::year_month_day date(chrono::year(*year), chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day)));
  if (!fraction || !offset || !text.empty() || !date.ok() || *hour > 23 || *minute > 59 || *whole > 59)
    return std::nullopt;
  const auto at = chrono::sys_days(date) + chrono::hours(*hour) + chrono::minutes(*minute - *offset) +
                  chrono::seconds(*whole);
  return chrono::duration_cast<chrono::milliseconds>(at.time_since_epoch()).count() + *fraction;
}

}  // namespace

Result<std::int64_t> timestamp_of(const std::string& text, std::string_view name) {
  if (const auto ms = parse_timestamp(text)) return *ms;
  return wrong(name, text, "2026-11-29T08:25:41.851Z");
}

Result<std::int64_t> duration_of(const std::string& text, std::string_view name) {
  std::string_view rest = text;
  const bool is_negative = take(rest, '-');
  const auto whole = take_integer<std::int64_t>(rest);
  const auto fraction = take_fraction(rest);
  constexpr std::int64_t seconds_max = 315'576'000'000;  // of protobuf's durations
  if (!whole || *whole < 0 || *whole > seconds_max || !fraction || rest != "s")
    return wrong(name, text, "0.201s");
  const auto ms = *whole * second + *fraction;
  return is_negative ? -ms : ms;
}

}  // namespace sluice::tracking
