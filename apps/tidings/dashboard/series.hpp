#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::cli {

/// What is drawn of one moment.
struct Reading {
  float published = 0, handled = 0, parked = 0;  ///< a second
  float lag = 0;
};

/// A ring of so many slots of `step` seconds each. What falls into one slot is averaged; a slot without any is a gap.
/// 24 bytes a slot.
class Ring {
 public:
  Ring(std::size_t slots, std::uint32_t step_seconds) : slots_(slots), step_(step_seconds) {}

  void put(TimePoint time, const Reading& reading);
  struct Point {
    std::int64_t unix_seconds = 0;
    bool is_known = false;
    Reading reading;
  };
  /// The oldest first, up to the slot of `now`; `together` slots are one point.
  [[nodiscard]] std::vector<Point> points(TimePoint now, std::size_t together = 1) const;
  [[nodiscard]] std::uint32_t step() const { return step_; }
  [[nodiscard]] std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t number = 0;  // unix time / step
    std::uint32_t count = 0;
    Reading mean;
  };
  std::vector<Slot> slots_;
  std::uint32_t step_;
};

/// Ten minutes by the second, an hour by 15 s, a day by 6 min: 25,920 bytes, whatever happens.
class Series {
 public:
  void put(TimePoint time, const Reading& reading);
  struct Window {
    std::string_view name;
    std::uint32_t seconds;
  };
  static constexpr Window windows[] = {{"10m", 600}, {"1h", 3600}, {"24h", 86'400}};
  /// The number of the window of that name; of an empty one, the first. Error `invalid_request`.
  [[nodiscard]] static Result<std::size_t> window_named(std::string_view name);
  /// `{"t":[…],"published":[…],…}`, at most 240 points, null in gaps; `step` gets the seconds from one to the next.
  [[nodiscard]] std::string json(std::size_t window, TimePoint now, std::uint32_t& step) const;
  [[nodiscard]] std::size_t bytes() const { return minutes_.bytes() + hour_.bytes() + day_.bytes(); }

 private:
  Ring minutes_{600, 1}, hour_{240, 15}, day_{240, 360};
};

}  // namespace tidings::cli
