#include <algorithm>
#include <string>
#include <utility>

#include "brokers/log/member.hpp"

// What a member reads, and how it waits for that.
namespace tidings::brokers::log {
namespace {

using namespace std::chrono_literals;

// A publisher syncs what it wrote; one that was killed before leaves that to whoever waits for the events.
constexpr Duration sync_behind_after = 5ms;
constexpr Duration tell_unsynced_after = 1s;
constexpr Duration sleep_max = 100ms;

}  // namespace

/// A fetch that found nothing, until it returns.
struct Member::Waiting {
  explicit Waiting(Member& waits) : member(waits), news(waits.topic_->wake(), waits.group_) {
    member.waiting_.fetch_add(1);
  }
  ~Waiting() { member.waiting_.fetch_sub(1); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  Member& member;
  tidings::log::TopicWake::Waiter news;
};

Result<std::vector<Delivery>> Member::fetch(std::size_t max, Duration wait_max) {
  must_not_be_forked();
  const auto until = deadline_after(real_now(), wait_max);
  std::vector<Delivery> out;
  bool was_behind = false;
  std::optional<Waiting> waiting;
  while (true) {
    const auto ticket = waiting ? waiting->news.ticket() : 0;
    Duration wait{};
    PartitionLog* unsynced = nullptr;
    topic_->notice_keeping();
    {
      const std::scoped_lock lock(mutex_);
      if (closing_ || closed_)
        return Error{"closed", "this consumer of topic " + topic_->name() + " is closed; subscribe again",
                     Retry::reopen};
      if (max == 0) return out;
      const auto now = real_now();
      if (now >= next_look_) look_at_refused_again();
      if (looks_at_group_now(now))
        if (auto done = rebalance(); !done) return done.error();
      if (auto damage = damage_to_tell()) [[unlikely]]
        return *damage;
      if (auto done = read(max, out); !done && out.empty()) return done.error();  // else the next fetch meets it again
      if (out.empty())
        if (auto damage = damage_to_tell()) [[unlikely]]
          return *damage;
      if (!out.empty() || woken_.exchange(false)) return out;
      wait = std::min({wait_for_news(), until - real_now(), at_least_apart(sleep_max)});
      unsynced = behind();
    }
    if (wait <= Duration::zero() && real_now() >= until) return out;
    if (!waiting) {
      waiting.emplace(*this);  // and looks once more: until here nobody would have woken it
      continue;
    }
    if (unsynced != nullptr) {
      if (was_behind) {
        auto synced = sync_behind(*unsynced, until);
        if (!synced) return synced.error();
        was_behind = *synced;
        continue;
      }
      wait = std::min(wait, sync_behind_after);
    }
    was_behind = unsynced != nullptr;
    waiting->news.wait(ticket, wait);
  }
}

/// One that has events which nobody may see yet; where there are several, another each time.
PartitionLog* Member::behind() const {
  for (std::size_t step = 0; step < places_.size(); ++step) {
    const auto& place = places_[(turn_ + step) % places_.size()];
    if (place.log != nullptr && (is_reader() || place.held) && place.log->committed() > place.log->visible_end())
      return place.log;
  }
  return nullptr;
}

/// A part of a fetch's wait: no longer, and not deaf to whoever wakes or closes. False: it was not done in time, as
/// where somebody else is at it; that is told where it goes on for long.
Result<bool> Member::sync_behind(PartitionLog& partition, SteadyTime until) {
  const auto begin = real_now();
  const auto wait = std::clamp<Duration>(until - begin, Duration::zero(), sleep_max);
  auto done = partition.sync_to(partition.committed(), wait);
  const auto end = real_now();
  if (!done && end - begin < wait) return done.error();
  const std::scoped_lock lock(mutex_);
  if (done) {
    unsynced_since_.reset();
    told_unsynced_ = false;
    return true;
  }
  if (!unsynced_since_) unsynced_since_ = begin;
  if (end - *unsynced_since_ >= tell_unsynced_after && !std::exchange(told_unsynced_, true))
    sink_.write(LogLevel::warning, "events of " + partition.path() +
                                       " are not synced, and are read when they are: " + to_string(done.error()));
  return false;
}

Duration Member::wait_for_news() const {
  if (is_reader()) return at_least_apart(sleep_max);
  auto wait = std::min<Duration>(at_least_apart(sleep_max), next_balance_ - real_now());
  const auto now = clock_.steady_now();
  for (const auto& place : places_) {
    if (!place.held) continue;
    const auto due = place.leaving ? place.flight.last_deadline() : place.flight.next_due();
    if (due) wait = std::min<Duration>(wait, *due - now);
  }
  // A clock that is set by hand tells nobody that it moved.
  if (&clock_ != &system_clock()) wait = std::min<Duration>(wait, 2ms);
  return std::max<Duration>(wait, 100us);
}

Result<> Member::read(std::size_t max, std::vector<Delivery>& out) {
  std::size_t unsettled = 0;
  for (const auto& place : places_)
    if (place.held) unsettled += place.flight.unsettled();
  const auto first = turn_++;
  Result<> failed;
  for (std::size_t step = 0; step < places_.size() && out.size() < max; ++step) {
    const auto number = static_cast<std::uint32_t>((first + step) % places_.size());
    if (places_[number].refused) continue;
    if (auto done = read_place(number, max, unsettled, out); !done)
      if (auto refused = refuse(number, done.error()); !refused && failed) failed = refused;
  }
  return failed;
}

/// Retention was faster than this group, or reader. The next fetch goes on.
Result<> Member::pass_removed(Place& place) {
  auto earliest = place.log->earliest_if_none_is_lost();
  if (!earliest) return earliest.error();
  const auto from = place.cursor->offset();
  place.cursor->seek(*earliest);
  if (!is_reader()) place.flight.skip_to(Offset{*earliest});
  tell_removed(place, from, *earliest);
  return {};
}

void Member::tell_removed(const Place& place, std::uint64_t from, std::uint64_t to) {
  sink_.write(LogLevel::warning, (is_reader() ? "a reader" : "group " + options_.group) + " stood at offset " +
                                     std::to_string(from) + " of " + place.log->path() +
                                     ", whose events before offset " + std::to_string(to) +
                                     " were removed by retention: it goes on there");
}

Result<> Member::read_place(std::uint32_t number, std::size_t max, std::size_t& unsettled, std::vector<Delivery>& out) {
  auto& place = places_[number];
  const auto deliver = [&](const Cursor::Item& item, int attempt, int lost = 0) {
    out.push_back({.id = {Partition{number}, Offset{item.offset}, place.flight.generation()},
                   .envelope = item.envelope,
                   .appended = item.appended,
                   .attempt = attempt,
                   .lost = lost,
                   .owner = item.owner});
  };
  const auto end = place.log->visible_end();
  if (is_reader()) {
    while (out.size() < max) {
      auto item = place.cursor->next(end);
      if (!item && item.error().code == "removed") return pass_removed(place);
      if (!item) return item.error();
      if (!*item) break;
      deliver(**item, 1);
    }
    return {};
  }
  if (!place.held || place.leaving) return {};
  const auto now = clock_.steady_now();
  while (out.size() < max) {
    const auto due = place.flight.take_due(now);
    if (!due) break;
    place.again->seek(due->offset.value);
    auto item = place.again->next(place.log->committed());
    if (!item && item.error().code == "removed") {
      place.flight.settle(due->offset, place.flight.generation(), Outcome::skipped);
      continue;
    }
    if (!item) return item.error();
    if (*item) deliver(**item, due->attempt);
  }
  if (out.empty())
    out.reserve(std::min({max, end - std::min(end, place.cursor->offset()), place.flight.room(),
                          options_.in_flight_max - std::min(options_.in_flight_max, unsettled)}));
  for (auto room = place.flight.room(); room > 0 && out.size() < max && unsettled < options_.in_flight_max;
       --room, ++unsettled) {
    auto item = place.cursor->next(end);
    if (!item && item.error().code == "removed") return pass_removed(place);
    if (!item) return item.error();
    if (!*item) break;
    int lost = 0;
    if (!place.lost.empty()) [[unlikely]]
      if (const auto known = place.lost.find((*item)->offset); known != place.lost.end()) {
        lost = known->second;
        place.lost.erase(known);
      }
    place.flight.add(Offset{(*item)->offset}, now, 1 + lost);
    deliver(**item, 1 + lost, lost);
  }
  return {};
}

}  // namespace tidings::brokers::log
