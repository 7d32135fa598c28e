#include <algorithm>

#include "brokers/log/member.hpp"

// One damaged piece, a segment or a group's record, stops its own partition: the others go on.
namespace tidings::brokers::log {
namespace {

using namespace std::chrono_literals;

// Somebody may have mended it; and who looks at what is told today may not have yesterday's log.
constexpr Duration look_again_after = 10s;
constexpr Duration open_again_max = 100ms;

}  // namespace

bool is_damage(const Error& error) {
  return error.retry == Retry::never && error.code != "unknown_topic";
}

Result<> Member::open_place(std::uint32_t number, Duration wait_max) {
  auto& place = places_[number];
  auto partition = topic_->partition(number, wait_max);
  if (!partition) return partition.error();
  auto from = is_reader() ? start_in(**partition, number) : Result<std::uint64_t>{0};
  if (!from) return from.error();
  place.cursor.emplace(**partition);
  place.again.emplace(**partition);
  place.cursor->seek(*from);
  place.log = *partition;
  return {};
}

/// Passes what is no damage back.
Result<> Member::refuse(std::uint32_t number, const Error& why) {
  if (!is_damage(why)) return why;
  auto& place = places_[number];
  place.refused = why;
  place.told_refused = false;
  place.look_again = SteadyTime{std::chrono::steady_clock::now()} + look_again_after;
  next_look_ = std::min(next_look_, place.look_again);
  return {};
}

void Member::look_at_refused_again() {
  const SteadyTime now = std::chrono::steady_clock::now();
  next_look_ = SteadyTime::max();
  for (std::uint32_t number = 0; number < places_.size(); ++number) {
    auto& place = places_[number];
    if (!place.refused) continue;
    if (now < place.look_again) {
      next_look_ = std::min(next_look_, place.look_again);
      continue;
    }
    auto opened = place.log == nullptr ? open_place(number, open_again_max) : Result<>{};
    if (opened)
      place.refused.reset();  // and again, where reading or the group's record says so
    else if (!refuse(number, opened.error()))
      (void)refuse(number, *place.refused).has_value();  // cannot be looked at just now
  }
}

/// Each once, and over again where there is nothing else.
std::optional<Error> Member::damage_to_tell() {
  if (next_look_ == SteadyTime::max()) [[likely]]
    return std::nullopt;
  for (auto& place : places_)
    if (place.refused && !std::exchange(place.told_refused, true)) return place.refused;
  const bool all = std::ranges::all_of(places_, [](const Place& place) { return place.refused.has_value(); });
  return all ? places_.front().refused : std::nullopt;
}

}  // namespace tidings::brokers::log
