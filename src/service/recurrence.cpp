#include "tidings/service/recurrence.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <vector>

#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"

namespace tidings {

namespace {

using namespace std::chrono;

constexpr days look_ahead{366 * 8};  // a 29th of February may be eight years away

struct Field {
  std::string_view name;
  unsigned least;
  unsigned most;
  std::array<std::string_view, 12> names;  // of `least` and those after it
};
constexpr std::array fields_of_cron{
    Field{"minute", 0, 59, {}}, Field{"hour", 0, 23, {}}, Field{"day of the month", 1, 31, {}},
    Field{"month", 1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
    Field{"day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> number(std::string_view text, const Field& field) {
  const auto lower = in_lower_case(text);
  for (unsigned at = 0; at < field.names.size(); ++at)
    if (!field.names[at].empty() && field.names[at] == lower) return field.least + at;
  unsigned value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return value >= field.least && value <= field.most ? std::optional(value) : std::nullopt;
}

/// The bits of `*`, `5`, `1-5`, `*/15`, `10-40/10`, `mon,wed`.
std::optional<std::uint64_t> bits(std::string_view text, const Field& field) {
  std::uint64_t all = 0;
  for (const auto part : split(text, ',')) {
    const auto slash = part.find('/');
    const auto range = part.substr(0, slash);
    unsigned step = 1;
    if (slash != std::string_view::npos) {
      const auto given = part.substr(slash + 1);
      const auto read = std::from_chars(given.data(), given.data() + given.size(), step);
      if (read.ec != std::errc{} || read.ptr != given.data() + given.size() || step == 0 || step > 60)
        return std::nullopt;
    }
    unsigned from = field.least;
    unsigned to = field.most;
    if (range != "*") {
      const auto dash = range.find('-');
      const auto first = number(range.substr(0, dash), field);
      if (!first) return std::nullopt;
      from = to = *first;
      if (dash != std::string_view::npos) {
        const auto last = number(range.substr(dash + 1), field);
        if (!last || *last < from) return std::nullopt;
        to = *last;
      } else if (slash != std::string_view::npos) {
        to = field.most;
      }
    }
    for (unsigned value = from; value <= to; value += step) all |= std::uint64_t{1} << value;
  }
  return all;
}

Error invalid(std::string_view what, const std::string& why) {
  return {"invalid_recurrence", "'" + printable(what) + "' is no recurrence: " + why};
}

}  // namespace

Result<Recurrence> Recurrence::every(Duration period) {
  if (period < seconds{1}) return invalid(to_iso8601(period), "the least is a second");
  Recurrence made;
  made.text_ = to_iso8601(period);
  made.period_ = period;
  return made;
}

Result<Recurrence> Recurrence::cron(std::string_view fields) {
  std::vector<std::string_view> parts;
  for (const auto words : split(fields, ' '))
    for (const auto part : split(words, '\t'))
      if (!part.empty()) parts.push_back(part);
  if (parts.size() != fields_of_cron.size())
    return invalid(fields, "it has five fields, as '0 3 * * *' for three in the morning");
  Recurrence made;
  std::array<std::uint64_t*, 5> into{&made.minutes_, &made.hours_, &made.month_days_, &made.months_, &made.week_days_};
  for (std::size_t at = 0; at < parts.size(); ++at) {
    const auto& field = fields_of_cron.at(at);
    const auto read = bits(parts[at], field);
    if (!read)
      return invalid(fields, "its " + std::string(field.name) + ", '" + printable(parts[at]) + "', is not from " +
                                 std::to_string(field.least) + " to " + std::to_string(field.most) +
                                 ", a range, a list, or one with a step");
    *into.at(at) = *read;
    made.text_ += (at == 0 ? "" : " ") + std::string(parts[at]);
  }
  // Whatever has a star in it restricts nothing by itself, as crontab(5) has it: '0 0 */2 * mon' is on Mondays that
  // have an odd date.
  made.any_month_day_ = parts[2].find('*') != std::string_view::npos;
  made.any_week_day_ = parts[4].find('*') != std::string_view::npos;
  if ((made.week_days_ >> 7U & 1U) != 0) made.week_days_ |= 1;
  const sys_days today{};
  bool comes = false;
  for (days day{}; day < look_ahead && !comes; ++day) comes = made.has_day(today + day);
  if (!comes) return invalid(fields, "there is no such day");
  return made;
}

bool Recurrence::has_day(sys_days day) const {
  const year_month_day date(day);
  const auto has = [](std::uint64_t set, unsigned value) { return (set >> value & 1U) != 0; };
  if (!has(months_, unsigned{date.month()})) return false;
  const bool month_day = has(month_days_, unsigned{date.day()});
  const bool week_day = has(week_days_, weekday(day).c_encoding());
  if (any_month_day_ || any_week_day_) return month_day && week_day;
  return month_day || week_day;
}

TimePoint Recurrence::next(TimePoint time) const {
  if (period_ > Duration::zero()) {
    auto count = time.time_since_epoch() / period_;
    if (time.time_since_epoch() < Duration::zero() && time.time_since_epoch() % period_ != Duration::zero()) --count;
    return TimePoint{(count + 1) * period_};
  }
  const auto from = floor<minutes>(time) + minutes{1};
  auto day = floor<days>(from);
  for (days passed{}; passed <= look_ahead; ++passed, day += days{1}) {
    if (!has_day(day)) continue;
    for (unsigned hour = 0; hour < 24; ++hour) {
      if ((hours_ >> hour & 1U) == 0) continue;
      for (unsigned minute = 0; minute < 60; ++minute) {
        const auto at = day + hours{hour} + minutes{minute};
        if ((minutes_ >> minute & 1U) != 0 && at >= from) return at;
      }
    }
  }
  return TimePoint::max();  // not reached: `cron` has seen a day
}

}  // namespace tidings
