#include "dashboard/series.hpp"

#include <algorithm>

#include "json_line.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

std::int64_t unix_seconds(TimePoint time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

void mix(Reading& mean, const Reading& one, std::uint32_t count) {
  const auto part = 1.0F / static_cast<float>(count);
  mean.published += (one.published - mean.published) * part;
  mean.handled += (one.handled - mean.handled) * part;
  mean.parked += (one.parked - mean.parked) * part;
  mean.lag += (one.lag - mean.lag) * part;
}

}  // namespace

void Ring::put(TimePoint time, const Reading& reading) {
  const auto number = static_cast<std::uint32_t>(unix_seconds(time) / step_);
  auto& slot = slots_[number % slots_.size()];
  if (slot.number != number) slot = {.number = number, .count = 0, .mean = {}};
  mix(slot.mean, reading, ++slot.count);
}

std::vector<Ring::Point> Ring::points(TimePoint now, std::size_t together) const {
  const auto last = static_cast<std::uint32_t>(unix_seconds(now) / step_) / together;
  const auto count = slots_.size() / together;
  std::vector<Point> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto group = last - (count - 1 - i);
    Point point{.unix_seconds = static_cast<std::int64_t>(group * together * step_)};
    std::uint32_t known = 0;
    for (std::size_t j = 0; j < together; ++j) {
      const auto number = static_cast<std::uint32_t>(group * together + j);
      const auto& slot = slots_[number % slots_.size()];
      if (slot.number == number && slot.count > 0) mix(point.reading, slot.mean, ++known);
    }
    point.is_known = known > 0;
    out.push_back(point);
  }
  return out;
}

void Series::put(TimePoint time, const Reading& reading) {
  minutes_.put(time, reading);
  hour_.put(time, reading);
  day_.put(time, reading);
}

Result<std::size_t> Series::window_named(std::string_view name) {
  if (name.empty()) return 0;
  const auto* const at = std::ranges::find(windows, name, &Window::name);
  if (at == std::end(windows))
    return Error{"invalid_request", "window is 10m, 1h or 24h, not '" + printable(name) + "'"};
  return static_cast<std::size_t>(at - std::begin(windows));
}

std::string Series::json(std::size_t window, TimePoint now, std::uint32_t& step) const {
  const auto& ring = window == 0 ? minutes_ : window == 1 ? hour_ : day_;
  const std::size_t together = window == 0 ? 3 : 1;  // 600 are more than a page has pixels for
  step = ring.step() * static_cast<std::uint32_t>(together);
  std::string t, published, handled, parked, lag;
  for (const auto& one : ring.points(now, together)) {
    const auto add = [&](std::string& out, float value) {
      out += (out.empty() ? "" : ",") + (one.is_known ? json_real(static_cast<double>(value)) : std::string("null"));
    };
    t += (t.empty() ? "" : ",") + std::to_string(one.unix_seconds);
    add(published, one.reading.published);
    add(handled, one.reading.handled);
    add(parked, one.reading.parked);
    add(lag, one.reading.lag);
  }
  return JsonLine()
      .raw("t", "[" + t + "]")
      .raw("published", "[" + published + "]")
      .raw("handled", "[" + handled + "]")
      .raw("parked", "[" + parked + "]")
      .raw("lag", "[" + lag + "]")
      .str();
}

}  // namespace tidings::cli
