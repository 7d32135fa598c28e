#include "demo/chaos.hpp"

#include <algorithm>

#include "tidings/base/entropy.hpp"

namespace tidings::cli {

namespace {

constexpr std::uint64_t wait_us_max = 20'000;  // about what an event takes from the till to the mail
constexpr std::uint64_t dead_ms_min = 20, dead_ms_max = 500;

}  // namespace

Chaos::Chaos(std::uint64_t kills, std::uint64_t total, std::uint64_t seed) : total_(total) {
  SeededEntropy entropy(seed);
  for (std::uint64_t number = 0; number < kills; ++number) {
    const auto begin = total * number / kills, end = total * (number + 1) / kills;
    const bool at_once = entropy.below(2) == 0;
    kills_.push_back(
        {.service = static_cast<std::size_t>(entropy.below(service_count)),
         .fed = std::min(total, begin + 1 + entropy.below(std::max<std::uint64_t>(end - begin, 1))),
         .wait = std::chrono::microseconds{entropy.below(wait_us_max)},
         .dead_for = std::chrono::milliseconds{at_once ? 0 : dead_ms_min + entropy.below(dead_ms_max - dead_ms_min)},
         .feed_until = std::min(total, end + 1)});
  }
}

std::optional<Chaos::Step> Chaos::next(Time now, std::uint64_t fed) {
  for (std::size_t service = 0; service < service_count; ++service)
    if (restart_at_[service] && now >= *restart_at_[service]) {
      restart_at_[service].reset();
      return Step{Step::Kind::restart, service};
    }
  if (done_ == kills_.size() || fed < kills_[done_].fed) return std::nullopt;
  const auto& kill = kills_[done_];
  if (!due_) due_ = now + kill.wait;
  if (now < *due_ || is_dead(kill.service)) return std::nullopt;
  due_.reset();
  restart_at_[kill.service] = now + kill.dead_for;
  ++killed_[kill.service];
  ++done_;
  return Step{Step::Kind::kill, kill.service};
}

bool Chaos::is_over() const {
  return done_ == kills_.size() && std::ranges::none_of(restart_at_, [](const auto& at) { return at.has_value(); });
}

}  // namespace tidings::cli
