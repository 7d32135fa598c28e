#include <algorithm>
#include <string>
#include <utility>

#include "brokers/log/member.hpp"

// How members share a topic's partitions, and what one goes on with that it takes.
namespace tidings::brokers::log {
namespace {

using namespace std::chrono_literals;

// How long a member sleeps at most before it looks at its group again where nobody tells it of deaths, or where it has
// partitions to give up, or wants more than it got.
constexpr Duration balance_wanting = 5ms;
constexpr Duration balance_satisfied = 50ms;
// So long after it was due somebody else looks at the group for a member that does not fetch.
constexpr Duration idle_before_shared = 500ms;
// Looking costs a process some 10 µs a member, so that where it has many each looks the less often: idle, they take
// less than a hundredth of a processor together (a thousand that looked every 50 ms took a quarter).
constexpr Duration look_apart = 3ms;
// Where deaths are heard of that is only in case one was not.
constexpr int look_apart_watching = 4;

}  // namespace

Duration Member::at_least_apart(Duration wait) const {
  const auto apart = look_apart * members_here_.load(std::memory_order_relaxed);
  return std::max<Duration>(wait, listening_ && listening_->is_watching() ? apart * look_apart_watching : apart);
}

Result<> Member::listen() {
  auto id = file_->id();
  if (!id) return id.error();
  listening_ = std::make_unique<tidings::log::Deaths::Listening>(topic_->deaths(), *id, static_cast<Listener&>(*this));
  return {};
}

std::optional<std::uint32_t> Member::count_members() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || closed_) return std::nullopt;
  auto membership = file_->membership();
  return membership ? std::optional{membership->count} : std::nullopt;
}

Duration Member::look_again_in(bool has_share) const {
  if (std::ranges::any_of(places_, &Place::leaving)) return balance_wanting;
  if (listening_ && listening_->is_watching())
    return at_least_apart(wants_more_ ? balance_satisfied : look_at_group_every.load() + spread_);
  // A member without a share waits for the death of one that has: it looks as often.
  return wants_more_ || !has_share ? balance_wanting : at_least_apart(balance_satisfied);
}

/// When it is due, or somebody says that something changed.
bool Member::looks_at_group_now(SteadyTime now) const {
  return now >= next_balance_ || (!is_reader() && topic_->wake().changes(group_) != changes_known_);
}

Result<> Member::rebalance() {
  if (is_reader()) return {};
  changes_known_ = topic_->wake().changes(group_);
  auto membership = file_->membership();
  if (!membership) return membership.error();
  members_known_ = membership->count;
  const auto partitions = static_cast<std::uint32_t>(places_.size());
  const auto share =
      closing_ ? 0 : partitions / membership->count + (membership->rank < partitions % membership->count ? 1 : 0);
  std::uint32_t kept = 0;
  std::uint32_t refused =
      0;  // nobody's share is less for them: others may not know, and none must stay without a holder
  for (auto& place : places_) {
    if (!place.held) {
      refused += place.refused ? 1 : 0;
      continue;
    }
    place.leaving = kept >= share;
    if (!place.leaving) ++kept;
  }
  if (auto done = give_up_drained(); !done) return done;
  // Members begin at different places, so that they do not race for the same partitions.
  for (std::uint32_t step = 0; step < partitions && kept < share; ++step) {
    const auto number = (membership->rank * share + step) % partitions;
    if (places_[number].held || places_[number].refused) continue;
    auto taken = take(number);
    if (!taken) {
      if (auto passed = refuse(number, taken.error()); !passed) return passed;
      ++refused;
    } else if (*taken) {
      ++kept;
    }
  }
  wants_more_ = kept + refused < share || std::ranges::any_of(places_, &Place::leaving);
  tell_standing_by(membership->count);
  next_balance_ = real_now() + look_again_in(share != 0);
  return {};
}

Result<bool> Member::take(std::uint32_t number) {
  auto mine = file_->try_hold(number);
  if (!mine || !*mine) return mine;
  if (auto begun = begin_place(number); !begun) {
    if (auto released = file_->release(number); !released) return released.error();
    return begun.error();
  }
  places_[number].held = true;
  places_[number].leaving = false;
  return true;
}

/// Where the group goes on in a partition that was taken just now, under a new generation.
Result<> Member::begin_place(std::uint32_t number) {
  auto& place = places_[number];
  auto known = file_->read(number);
  if (!known) return known.error();
  auto record = known->value_or(GroupRecord{});
  if (*known) {
    auto holds = place.log->what_holds(record.position, record.epoch);
    if (!holds) return holds.error();
    if (*holds < record.position)
      sink_.write(LogLevel::warning, "group " + options_.group + " stood at offset " + std::to_string(record.position) +
                                         " of " + place.log->path() + ", whose events from offset " +
                                         std::to_string(*holds) +
                                         " on are gone, by a power cut or by hand: it goes on there");
    record.position = *holds;
  } else {
    // Who joined first died before it wrote where the group begins.
    auto from = start_in(*place.log, number);
    if (!from) return from.error();
    record.position = *from;
  }
  record.settled_beyond = 0;
  record.epoch = place.log->epoch();
  ++record.generation;
  ++record.sequence;
  place.flight.begin(Offset{record.position}, record.generation, options_.settle_within,
                     {record.handled, record.parked, record.expired, record.skipped});
  auto earliest = place.log->earliest();
  if (!earliest) return earliest.error();
  if (*earliest > record.position) {
    if (auto removed = place.log->earliest_if_none_is_lost(); !removed) return removed.error();
    place.flight.skip_to(Offset{*earliest});
    tell_removed(place, record.position, *earliest);
  }
  place.cursor->seek(place.flight.next().value);
  if (auto written = file_->write(number, record); !written) return written;
  place.record = record;
  const auto key = InFlightTable::key_of(number, record.epoch, record.moves);
  const auto from = place.flight.position().value;
  place.lost = place.flights->take_over(key, from, from + InFlight::beyond_max_default + 1);
  place.any_begun = !place.lost.empty();
  place.flights_generation.store(record.generation);
  place.flights_key.store(key);
  return save(number);
}

/// Writes the position and what stands beside it, where that has changed.
Result<> Member::save(std::uint32_t number) {
  auto& place = places_[number];
  const auto position = place.flight.position().value;
  const auto& counts = place.flight.counts();
  const auto beyond = static_cast<std::uint32_t>(place.flight.settled_beyond());
  if (position == place.record.position && beyond == place.record.settled_beyond) return {};
  auto record = place.record;
  ++record.sequence;
  record.position = position;
  record.settled_beyond = beyond;
  record.handled = counts.handled;
  record.parked = counts.parked;
  record.expired = counts.expired;
  record.skipped = counts.skipped;
  auto written = file_->write(number, record);
  if (written) {
    place.record = record;
    moved_.store(true, std::memory_order_relaxed);
  }
  return written;
}

Result<> Member::give_up(std::uint32_t number) {
  auto& place = places_[number];
  auto saved = save(number);
  place.flights_key.store(0);
  place.held = place.leaving = false;
  place.kept_until = SteadyTime::min();
  if (auto released = file_->release(number); !released) return released;
  tell_group();
  return saved;
}

Result<> Member::give_up_drained() {
  const auto now = clock_.steady_now();
  for (std::uint32_t number = 0; number < places_.size(); ++number) {
    auto& place = places_[number];
    if (!place.held || !place.leaving) continue;
    const auto last = place.flight.last_deadline();
    if (place.flight.in_flight() > 0 && last && *last > now) continue;
    if (place.kept_until > now) continue;
    if (auto done = give_up(number); !done) return done;
  }
  return {};
}

void Member::share_behind() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || closed_ || closing_ || is_reader()) return;
  // Who fetches looks itself. What goes wrong is told to the next fetch, which meets it too.
  if (real_now() < next_balance_ + idle_before_shared) return;
  if (auto done = rebalance(); !done) next_balance_ = SteadyTime::min();
}

}  // namespace tidings::brokers::log
