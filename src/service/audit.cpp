#include "service/audit.hpp"

#include <algorithm>
#include <optional>

#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration still_after = 1min;  // a position that has stood for so long while its lag grew is told of

std::uint64_t total_of(const Audited& one) {
  return one.handled + one.parked + one.expired + one.skipped + one.gaps;
}

std::string place_of(const Audited& one) {
  return one.topic + "/" + std::to_string(one.partition.value);
}

}  // namespace

Result<std::vector<Audited>> Audit::look() {
  if (!host_.broker->capabilities().exact_counts)
    return Error{"unsupported",
                 "this broker's groups do not count what their positions pass, one by one; nothing can be compared"};
  const std::scoped_lock lock(mutex_);
  std::vector<Audited> all;
  std::optional<Error> trouble;
  for (std::size_t at = 0; at < subjects_.size(); ++at) {
    const auto& subject = subjects_[at];
    const auto groups = host_.broker->groups(subject.broker_topic);
    if (!groups) {
      if (!trouble) trouble = groups.error();
      continue;
    }
    const auto group = std::ranges::find(*groups, subject.group, &GroupInfo::group);
    if (group == groups->end()) continue;  // it has come to nothing yet
    for (const auto& info : group->partitions) {
      auto& one = all.emplace_back(Audited{.handler = subject.handler,
                                           .group = subject.group,
                                           .topic = subject.topic,
                                           .partition = info.partition,
                                           .position = info.position,
                                           .end = info.end,
                                           .handled = info.handled,
                                           .parked = info.parked,
                                           .expired = info.expired,
                                           .skipped = info.skipped,
                                           .gaps = info.gaps,
                                           .pending = info.lag()});
      const auto [seen, is_first] = seen_.try_emplace({at, info.partition.value});
      compare(one, seen->second, is_first);
      tell_gaps(one, seen->second, is_first);
      watch(one, seen->second, is_first, subject);
      seen->second.position = one.position.value;
      seen->second.total = total_of(one);
      seen->second.gaps = one.gaps;
    }
  }
  {
    const std::scoped_lock last(last_mutex_);
    last_ = all;
  }
  if (trouble) return *trouble;
  return all;
}

bool Audit::is_stalled(const Audited& one) {
  return one.stands_still >= still_after && one.lag_grows;
}

void Audit::compare(Audited& now, Seen& seen, bool is_first) {
  if (is_first) return;
  const auto passed = static_cast<std::int64_t>(now.position.value - seen.position);
  const auto counted = static_cast<std::int64_t>(total_of(now) - seen.total);
  const bool counts_went_back = total_of(now) < seen.total;
  if (counts_went_back && now.position.value > seen.position)
    host_.say(LogLevel::warning, now.handler + " counts anew on " + place_of(now) + " from offset " +
                                     std::to_string(now.position.value) + " on, where it had counted " +
                                     std::to_string(seen.total) +
                                     " events: its group was deleted, or somebody else wrote where it stands");
  // A group that was moved back counts anew what it passes again. One that was deleted begins anew.
  if (now.position.value < seen.position || counts_went_back) {
    seen.difference = 0;
    seen.difference_told = false;
    return;
  }
  seen.difference += passed - counted;
  now.difference = seen.difference;
  if (now.difference == 0) {
    seen.difference_told = false;
    return;
  }
  if (std::exchange(seen.difference_told, true)) return;
  host_.say(LogLevel::error,
            now.handler + " does not add up on " + place_of(now) + ": since the audit began its position passed " +
                std::to_string(std::abs(now.difference)) + (now.difference > 0 ? " events more" : " events fewer") +
                " than it counted as handled, parked, expired or skipped; look at offsets before " +
                std::to_string(now.position.value));
}

/// Events that a member did not get and marks of transactions look alike from there, so people hear of it.
void Audit::tell_gaps(const Audited& now, Seen& seen, bool is_first) const {
  if (is_first || now.gaps <= seen.gaps || std::exchange(seen.gaps_told, true)) return;
  host_.say(LogLevel::info, now.handler + " passed " + std::to_string(now.gaps - seen.gaps) + " offsets of " +
                                place_of(now) + " before " + std::to_string(now.position.value) +
                                " that hold no event for it: marks of transactions, or what was compacted away. "
                                "A topic to which Tidings alone publishes has none");
}

void Audit::watch(Audited& now, Seen& seen, bool is_first, const Subject& subject) {
  const auto time = host_.clock->steady_now();
  if (is_first || now.position.value != seen.position || now.pending == 0) {
    if (std::exchange(seen.standstill_told, false) && now.position.value != seen.position)
      host_.say(LogLevel::info, now.handler + " goes on at " + place_of(now));
    seen.stood_since = time;
    seen.pending_then = now.pending;
    return;
  }
  now.stands_still = time - seen.stood_since;
  now.lag_grows = now.pending > seen.pending_then;
  if (!is_stalled(now) || std::exchange(seen.standstill_told, true)) return;
  auto why = subject.state ? subject.state() : std::string{};
  if (!why.empty()) why = " (" + why + ")";
  host_.say(LogLevel::warning, now.handler + " stands still on " + place_of(now) + " at offset " +
                                   std::to_string(now.position.value) + " for " +
                                   to_text(std::chrono::floor<std::chrono::seconds>(now.stands_still)) + why + ": " +
                                   std::to_string(now.pending) + " events wait, and they become more");
}

}  // namespace tidings::service
