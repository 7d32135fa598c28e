#include "service/settling.hpp"

#include <algorithm>
#include <chrono>

namespace tidings::service {

namespace {

constexpr Duration pause_after_failure = std::chrono::seconds{1};

}  // namespace

bool Settling::has_any(const Sources& sources) const {
  return std::ranges::any_of(sources, [&](const auto& source) {
    return source->unsettled() > 0 &&
           (source->settle_after == SteadyTime{} || source->settle_after <= host_.clock->steady_now());
  });
}

void Settling::flush(const Sources& sources, std::unique_lock<std::mutex>& lock) {
  for (const auto& source : sources) {
    if (source->unsettled() == 0) continue;
    if (source->settle_after != SteadyTime{} && source->settle_after > host_.clock->steady_now() && !stopping_)
      continue;
    bool all = true;
    for (const auto outcome : {Outcome::handled, Outcome::parked, Outcome::expired})
      all = settle(*source, lock, outcome).has_value() && all;
    source->settle_after = all ? SteadyTime{} : host_.clock->steady_now() + pause_after_failure;
  }
}

/// The error: they are kept, to be settled later.
Result<> Settling::settle(Source& source, std::unique_lock<std::mutex>& lock, Outcome outcome) {
  std::vector<DeliveryId> ids;
  ids.swap(source.done(outcome));
  if (ids.empty()) return {};
  source.remember(ids, remembered_max_);
  const auto consumer = source.consumer;
  ++calls_;
  lock.unlock();
  auto settled = consumer->settle(ids, outcome);
  const bool moved =
      !settled && (settled.error().code == "not_owner" || settled.error().retry == Retry::reopen);  // others' now
  if (!settled)
    host_.say(moved ? LogLevel::info : LogLevel::warning,
              name_ + " could not settle " + std::to_string(ids.size()) + " events: " + to_string(settled.error()));
  // Others have had its partitions meanwhile: nothing more of what was fetched of them may begin here, or it would be
  // handled beside, and behind, what they do with the same keys.
  const auto held_now = moved ? consumer->assignment() : std::vector<Partition>{};
  lock.lock();
  if (moved && source.consumer == consumer) source.lose_all_but(held_now);
  if (--calls_ == 0) ended_.notify_all();
  if (!settled && !moved) {
    auto& list = source.done(outcome);
    list.insert(list.end(), ids.begin(), ids.end());
    return settled;
  }
  source.held -= std::min(source.held, ids.size());
  return {};
}

}  // namespace tidings::service
