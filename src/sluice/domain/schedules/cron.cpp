#include "sluice/domain/schedules/cron.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::schedules {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRules {
  std::string_view name;
  int least = 0;
  int most = 0;
  std::span<const std::string_view> names = {};  ///< of the numbers from `least` on
};
constexpr std::array<FieldRules, 6> rules{{{"second", 0, 59},
                                           {"minute", 0, 59},
                                           {"hour", 0, 23},
                                           {"day of the month", 1, 31},
                                           {"month", 1, 12, month_names},
                                           {"day of the week", 0, 7, weekday_names}}};

struct Shorthand {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Shorthand, 7> shorthands{{{"@yearly", "0 0 0 1 1 *"},
                                               {"@annually", "0 0 0 1 1 *"},
                                               {"@monthly", "0 0 0 1 * *"},
                                               {"@weekly", "0 0 0 * * 0"},
                                               {"@daily", "0 0 0 * * *"},
                                               {"@midnight", "0 0 0 * * *"},
                                               {"@hourly", "0 0 * * * *"}}};

constexpr std::string_view example = "; `30 7 * * mon-fri` is every working day at 7:30";

Error bad_field(const FieldRules& rule, std::string_view part, std::string_view why) {
  return user_error(Code::invalid_argument, fmt::format("`{}` is not a valid {}: {}", part, rule.name, why));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<int> read_number(const FieldRules& rule, std::string_view part, std::string_view text) {
  const auto named = std::ranges::find(rule.names, lower(text));
  if (named != rule.names.end()) return static_cast<int>(named - rule.names.begin()) + rule.least;
  const bool digits = !text.empty() && text.size() <= 4 &&
                      std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const auto number = digits ? parse_integer<int>(text) : std::nullopt;
  if (!number) {
    if (rule.names.empty())
      return Fail(bad_field(rule, part, fmt::format("`{}` is not a number", text.substr(0, 20))));
    return Fail(bad_field(rule, part,
                          fmt::format("`{}` is neither a number nor a name such as `{}`", text.substr(0, 20),
                                      rule.names.back())));
  }
  if (*number < rule.least || *number > rule.most)
    return Fail(bad_field(rule, part, fmt::format("it is from {} to {}", rule.least, rule.most)));
  return *number;
}

struct Field {
  std::bitset<60> values;
  bool any = false;  ///< it begins with `*`
};

/// `*`, `5`, `1-5`, and each of these with `/STEP`.
Result<void> read_part(const FieldRules& rule, std::string_view part, Field& field) {
  const auto slash = part.find('/');
  const auto range = part.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const auto text = part.substr(slash + 1);
    const bool digits = !text.empty() && text.size() <= 4 &&
                        std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    step = digits ? parse_integer<int>(text).value_or(0) : 0;
    if (step == 0) return Fail(bad_field(rule, part, "after `/` comes a number from 1 on"));
  }
  int first = rule.least;
  int last = rule.most;
  if (range == "*" || range == "?") {
    field.any = true;
    if (rule.most == 7) last = 6;  // 7 is Sunday once more
  } else {
    const auto hyphen = range.find('-');
    SLUICE_TRY(begin, read_number(rule, part, range.substr(0, hyphen)));
    first = begin;
    if (hyphen != std::string_view::npos) {
      SLUICE_TRY(end, read_number(rule, part, range.substr(hyphen + 1)));
      last = end;
      if (first > last) return Fail(bad_field(rule, part, "its range ends before it begins"));
    } else if (slash == std::string_view::npos) {
      last = first;
    } else if (rule.most == 7) {
      last = 6;
    }
  }
  for (int value = first; value <= last; value += step) field.values.set(static_cast<std::size_t>(value));
  return {};
}

Result<Field> read_field(const FieldRules& rule, std::string_view text) {
  Field field;
  for (;;) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    if (part.empty())
      return Fail(user_error(Code::invalid_argument, fmt::format("the {} has an empty part", rule.name)));
    SLUICE_DO(read_part(rule, part, field));
    if (comma == std::string_view::npos) return field;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

template <std::size_t size>
std::bitset<size> narrow(const std::bitset<60>& values) {
  std::bitset<size> out;
  for (std::size_t i = 0; i < size; ++i) out[i] = values[i];
  return out;
}

/// The first value from `from` on; `size` if there is none.
template <std::size_t size>
std::size_t first_from(const std::bitset<size>& values, std::size_t from) {
  while (from < size && !values[from]) ++from;
  return from;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  if (text.size() > bytes_max)
    return Fail(user_error(Code::invalid_argument, "the cron expression is longer than 1,000 characters"));
  auto words = words_of(text);
  if (words.size() == 1 && words.front().starts_with('@')) {
    const auto found = std::ranges::find(shorthands, lower(words.front()), &Shorthand::name);
    if (found != shorthands.end()) return parse(found->fields);
    std::vector<std::string> names;
    names.reserve(shorthands.size());
    for (const auto& shorthand : shorthands) names.emplace_back(shorthand.name);
    const std::string word(words.front().substr(0, 40));
    auto hint = did_you_mean(word, names);
    if (hint.empty()) hint = "; there are @hourly, @daily, @weekly, @monthly and @yearly";
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("`{}` is not a name of a cron expression{}", word, hint)));
  }
  if (words.size() != 5 && words.size() != 6)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("a cron expression has five fields, or six with the second before them, not {}{}",
                    words.size(), example)));
  if (words.size() == 5) words.insert(words.begin(), "0");
  std::array<Field, 6> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    SLUICE_TRY(field, read_field(rules.at(i), words[i]));
    fields.at(i) = field;
  }
  Cron cron;
  cron.seconds_ = fields[0].values;
  cron.minutes_ = fields[1].values;
  cron.hours_ = narrow<24>(fields[2].values);
  cron.days_ = narrow<32>(fields[3].values);
  cron.months_ = narrow<13>(fields[4].values);
  cron.weekdays_ = narrow<7>(fields[5].values);
  if (fields[5].values[7]) cron.weekdays_.set(0);
  cron.any_day_ = fields[3].any;
  cron.any_weekday_ = fields[5].any;
  constexpr local_seconds begin = local_days(std::chrono::year(2000) / 1 / 1);
  if (!cron.first_in(begin, begin + std::chrono::years(100)))
    return Fail(user_error(Code::invalid_argument, "it never occurs: no month that it names has such a day"));
  return cron;
}

bool Cron::is_day(year_month_day date) const {
  const bool day = days_[static_cast<unsigned>(date.day())];
  const bool weekday = weekdays_[std::chrono::weekday(local_days(date)).c_encoding()];
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

std::optional<seconds> Cron::time_from(seconds from) const {
  const auto hour_from = static_cast<std::size_t>(from / std::chrono::hours(1));
  const auto minute_from = static_cast<std::size_t>(from / std::chrono::minutes(1) % 60);
  const auto second_from = static_cast<std::size_t>(from.count() % 60);
  const auto first_minute = first_from(minutes_, 0);
  const auto first_second = first_from(seconds_, 0);
  const auto at = [](std::size_t hour, std::size_t minute, std::size_t second) {
    return seconds(static_cast<std::int64_t>((hour * 60 + minute) * 60 + second));
  };
  if (hours_[hour_from]) {
    if (minutes_[minute_from])
      if (const auto second = first_from(seconds_, second_from); second < seconds_.size())
        return at(hour_from, minute_from, second);
    if (const auto minute = first_from(minutes_, minute_from + 1); minute < minutes_.size())
      return at(hour_from, minute, first_second);
  }
  if (const auto hour = first_from(hours_, hour_from + 1); hour < hours_.size())
    return at(hour, first_minute, first_second);
  return std::nullopt;
}

std::optional<local_seconds> Cron::first_in(local_seconds from, local_seconds until) const {
  auto day = std::chrono::floor<days>(from);
  for (auto time = from - day; day < until; time = seconds(0)) {
    const year_month_day date(day);
    if (!months_[static_cast<unsigned>(date.month())]) {
      day = local_days((date.year() / date.month() + std::chrono::months(1)) / 1);
      continue;
    }
    if (is_day(date))
      if (const auto found = time_from(time))
        return day + *found < until ? std::optional(day + *found) : std::nullopt;
    day += days(1);
  }
  return std::nullopt;
}

std::optional<Time> Cron::next(Time after, const TimeZone& zone) const {
  const auto local = [](std::chrono::sys_seconds at, seconds offset) {
    return local_seconds(at.time_since_epoch() + offset);
  };
  const bool by_passing_time = hours_.all();
  auto at = std::chrono::floor<seconds>(after) + seconds(1);
  const auto limit = at + std::chrono::years(100);
  while (at < limit) {
    const auto period = zone.period_of(at);
    const auto begin = period.begin == Time::min() ? at : std::chrono::floor<seconds>(period.begin);
    const auto end =
        period.end == Time::max() ? limit : std::min(std::chrono::floor<seconds>(period.end), limit);
    auto from = local(at, period.offset);
    if (!by_passing_time && period.begin != Time::min()) {
      const auto before = zone.period_of(period.begin - Milliseconds(1)).offset;
      // Put back: these local times have been before.
      if (before > period.offset) from = std::max(from, local(begin, before));
      // Put forward: these local times have been left out.
      if (before < period.offset && at == begin &&
          first_in(local(begin, before), local(begin, period.offset)))
        return begin;
    }
    if (const auto found = first_in(from, local(end, period.offset)))
      return std::chrono::sys_seconds(found->time_since_epoch() - period.offset);
    at = end;
  }
  return std::nullopt;
}

}  // namespace sluice::schedules
