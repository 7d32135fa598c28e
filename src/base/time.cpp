#include "tidings/base/time.hpp"

#include <charconv>
#include <cstdio>
#include <limits>

namespace tidings {
namespace {

__extension__ using Wide = __int128;

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

std::string fraction(std::int64_t nanos) {
  if (nanos == 0) return {};
  char text[16];
  int digits = 9;
  while (nanos % 1000 == 0 && digits > 3) nanos /= 1000, digits -= 3;
  std::snprintf(text, sizeof text, ".%0*lld", digits, static_cast<long long>(nanos));
  return text;
}

/// Reads exactly `count` digits.
bool digits(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool eat(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// Reads 1 to 9 digits of a fraction as nanoseconds.
bool read_fraction(std::string_view& text, std::int64_t& nanos) {
  std::int64_t scale = 100'000'000;
  std::size_t read = 0;
  nanos = 0;
  for (; read < text.size() && text[read] >= '0' && text[read] <= '9'; ++read, scale /= 10) {
    if (read == 9) return false;
    nanos += (text[read] - '0') * scale;
  }
  text.remove_prefix(read);
  return read > 0;
}

Error invalid_time(std::string_view text) {
  return {"invalid_time",
          "'" + std::string(text.substr(0, 64)) + "' is no RFC 3339 time; write one as 2010-12-01T08:26:00Z"};
}

/// `whole` units and `nanos` billionths of one, as a duration; false where it does not fit.
bool scaled(std::int64_t whole, std::int64_t nanos, std::int64_t unit_ns, Duration& sum) {
  std::int64_t product = 0;
  std::int64_t total = 0;
  const auto part = static_cast<std::int64_t>(static_cast<Wide>(nanos) * unit_ns / 1'000'000'000);
  if (__builtin_mul_overflow(whole, unit_ns, &product) || __builtin_add_overflow(product, part, &product) ||
      __builtin_add_overflow(sum.count(), product, &total))
    return false;
  sum = Duration{total};
  return true;
}

bool read_number(std::string_view& text, std::int64_t& whole, std::int64_t& nanos) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc{} || text.front() == '-') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  nanos = 0;
  return !eat(text, '.') || read_fraction(text, nanos);
}

}  // namespace

std::string to_rfc3339(TimePoint time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<nanoseconds> clock{time - day};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text + fraction(clock.subseconds().count()) + "Z";
}

Result<TimePoint> parse_rfc3339(std::string_view text) {
  auto rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t nanos = 0;
  if (!digits(rest, 4, year) || !eat(rest, '-') || !digits(rest, 2, month) || !eat(rest, '-') ||
      !digits(rest, 2, day) || !(eat(rest, 'T') || eat(rest, 't') || eat(rest, ' ')) || !digits(rest, 2, hour) ||
      !eat(rest, ':') || !digits(rest, 2, minute) || !eat(rest, ':') || !digits(rest, 2, second))
    return invalid_time(text);
  if (eat(rest, '.') && !read_fraction(rest, nanos)) return invalid_time(text);
  minutes offset{0};
  if (!eat(rest, 'Z') && !eat(rest, 'z')) {
    const bool minus = !rest.empty() && rest.front() == '-';
    int offset_hours = 0, offset_minutes = 0;
    if (!(eat(rest, '+') || eat(rest, '-')) || !digits(rest, 2, offset_hours) || !eat(rest, ':') ||
        !digits(rest, 2, offset_minutes) || offset_hours > 23 || offset_minutes > 59)
      return invalid_time(text);
    offset = minutes{offset_hours * 60 + offset_minutes} * (minus ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  // A leap second (60) is read as the second after it: clocks here have none.
  if (!rest.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) return invalid_time(text);
  const auto whole = std::chrono::sys_time<seconds>{std::chrono::sys_days{date}} + hours{hour} + minutes{minute} +
                     seconds{second} - offset;
  constexpr auto last = std::chrono::floor<seconds>(TimePoint::max()) - seconds{1};
  constexpr auto first = std::chrono::ceil<seconds>(TimePoint::min()) + seconds{1};
  if (whole > last || whole < first)
    return Error{"invalid_time",
                 "'" + std::string(text) + "' is outside the years 1677 to 2262 that 64 bits of nanoseconds hold"};
  return TimePoint{whole} + nanoseconds{nanos};
}

std::string to_iso8601(Duration duration) {
  if (duration == Duration::zero()) return "PT0S";
  const bool minus = duration < Duration::zero();
  auto rest = minus ? std::uint64_t{0} - static_cast<std::uint64_t>(duration.count())
                    : static_cast<std::uint64_t>(duration.count());
  const auto nanos = static_cast<std::int64_t>(rest % 1'000'000'000);
  rest /= 1'000'000'000;
  const auto h = rest / 3600, m = rest / 60 % 60, s = rest % 60;
  std::string text = minus ? "-PT" : "PT";
  if (h != 0) text += std::to_string(h) + "H";
  if (m != 0) text += std::to_string(m) + "M";
  if (s != 0 || nanos != 0) text += std::to_string(s) + fraction(nanos) + "S";
  return text;
}

Result<Duration> parse_iso8601_duration(std::string_view text) {
  const Error invalid{"invalid_duration",
                      "'" + std::string(text.substr(0, 64)) +
                          "' is no ISO 8601 duration of days, hours, minutes and seconds; write one as PT1.5S"};
  auto rest = text;
  const bool minus = eat(rest, '-');
  if (!eat(rest, 'P') || rest.empty()) return invalid;
  Duration sum{0};
  struct Unit {
    char letter;
    bool in_time;
    std::int64_t ns;
  };
  static constexpr Unit units[] = {{'W', false, 604'800'000'000'000},
                                   {'D', false, 86'400'000'000'000},
                                   {'H', true, 3'600'000'000'000},
                                   {'M', true, 60'000'000'000},
                                   {'S', true, 1'000'000'000}};
  bool in_time = false;
  std::size_t next = 0;
  while (!rest.empty()) {
    if (!in_time && eat(rest, 'T')) {
      in_time = true;
      if (rest.empty()) return invalid;
      continue;
    }
    std::int64_t whole = 0, nanos = 0;
    if (!read_number(rest, whole, nanos) || rest.empty()) return invalid;
    while (next < std::size(units) && (units[next].letter != rest.front() || units[next].in_time != in_time)) ++next;
    if (next == std::size(units) || !scaled(whole, nanos, units[next].ns, sum)) return invalid;
    ++next;
    rest.remove_prefix(1);
    if (nanos != 0 && !rest.empty()) return invalid;  // only the last number may have a fraction
  }
  return minus ? -sum : sum;
}

Result<Duration> parse_duration(std::string_view text) {
  const Error invalid{"invalid_duration", "'" + std::string(text.substr(0, 64)) +
                                              "' is no duration; write one as 250ms, 30s, 5min, 2h or 7d"};
  auto rest = text;
  std::int64_t whole = 0, nanos = 0;
  if (rest.empty() || !read_number(rest, whole, nanos)) return invalid;
  eat(rest, ' ');
  struct Unit {
    std::string_view name;
    std::int64_t ns;
  };
  static constexpr Unit units[] = {{"ns", 1},
                                   {"us", 1'000},
                                   {"ms", 1'000'000},
                                   {"s", 1'000'000'000},
                                   {"min", 60'000'000'000},
                                   {"m", 60'000'000'000},
                                   {"h", 3'600'000'000'000},
                                   {"d", 86'400'000'000'000}};
  if (rest.empty() && whole == 0 && nanos == 0) return Duration::zero();
  for (const auto& unit : units)
    if (rest == unit.name) {
      Duration sum{0};
      if (!scaled(whole, nanos, unit.ns, sum)) return invalid;
      return sum;
    }
  return invalid;
}

std::string to_text(Duration duration) {
  const auto count = duration.count();
  if (count == 0) return "0s";
  struct Unit {
    const char* name;
    std::int64_t ns;
  };
  static constexpr Unit units[] = {{"d", 86'400'000'000'000},
                                   {"h", 3'600'000'000'000},
                                   {"min", 60'000'000'000},
                                   {"s", 1'000'000'000},
                                   {"ms", 1'000'000},
                                   {"us", 1'000},
                                   {"ns", 1}};
  for (const auto& unit : units)
    if (count % unit.ns == 0) return std::to_string(count / unit.ns) + unit.name;
  return std::to_string(count) + "ns";
}

}  // namespace tidings
