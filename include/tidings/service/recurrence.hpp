#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings {

/// When something comes again and again, in UTC: all processes of a service agree on it without asking one another.
class Recurrence {
 public:
  /// At the multiples of `period` since 1970-01-01T00:00:00Z. Error `invalid_recurrence` (never) for less than a
  /// second.
  [[nodiscard]] static Result<Recurrence> every(Duration period);
  /// As crontab(5) has it: minute, hour, day of the month, month, day of the week (0 or 7 is Sunday), with lists,
  /// ranges, steps and English names of three letters. Where both kinds of days are restricted, either will do. Error
  /// `invalid_recurrence` (never), also for what never comes, as on the 30th of February.
  [[nodiscard]] static Result<Recurrence> cron(std::string_view fields);

  /// The first time after `time`.
  [[nodiscard]] TimePoint next(TimePoint time) const;
  /// As it was given: `PT5M`, `0 3 * * *`.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Recurrence() = default;
  [[nodiscard]] bool has_day(std::chrono::sys_days day) const;

  std::string text_;
  Duration period_{};  // none: the fields
  std::uint64_t minutes_ = 0;
  std::uint64_t hours_ = 0;
  std::uint64_t month_days_ = 0;
  std::uint64_t months_ = 0;
  std::uint64_t week_days_ = 0;
  bool any_month_day_ = false;
  bool any_week_day_ = false;
};

}  // namespace tidings
