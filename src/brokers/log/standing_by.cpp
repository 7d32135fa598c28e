#include <algorithm>

#include "brokers/log/member.hpp"

// A member that others leave no partition: nobody takes one from a process that lives, also where that is stopped.
namespace tidings::brokers::log {

/// Once, after a time in which those that hold too many would have given them up.
void Member::tell_standing_by(std::uint32_t members) {
  const auto is_anything_else = [](const Place& place) { return place.held || place.refused; };
  if (closing_ || std::ranges::any_of(places_, is_anything_else)) {
    standing_by_since_.reset();
    told_standing_by_ = false;
    return;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!standing_by_since_) standing_by_since_ = now;
  if (now - *standing_by_since_ < tell_standing_by_after.load() || std::exchange(told_standing_by_, true)) return;
  sink_.write(LogLevel::info,
              "a member of group " + options_.group + " stands by: others hold every partition of topic " +
                  topic_->name() + ", which has " + std::to_string(places_.size()) + " for " + std::to_string(members) +
                  " members; each keeps its own until it goes or its process ends, also where that is stopped or hangs "
                  "(tidings inspect names them)");
}

}  // namespace tidings::brokers::log
