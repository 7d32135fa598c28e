#include "brokers/kafka/member.hpp"

#include <algorithm>

#include "brokers/kafka/errors.hpp"

// What those who handle events call.
namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

// How long a settlement waits for the server to write it down.
constexpr Duration settle_max = 10s;
constexpr Duration look_at_manual_clock_every = 2ms;

Error member_closed() {
  return {"closed", "this consumer is closed; subscribe again", Retry::reopen};
}

}  // namespace

Member::~Member() {
  begin_closing();
  leave();
}

std::string Member::name() const {
  return is_reader() ? "a reader of topic " + plan_.topic : "group " + plan_.group;
}

Result<std::vector<Delivery>> Member::fetch(std::size_t max, Duration wait_max) {
  const auto until = deadline_after(real_now(), wait_max);
  std::vector<Delivery> out;
  std::unique_lock lock(mutex_);
  while (true) {
    if (closing_) return member_closed();
    if (trouble_) {
      Error told = std::move(*trouble_);
      trouble_.reset();
      return told;
    }
    if (max > 0) read(max, out);
    if (!out.empty()) return out;
    if (std::exchange(woken_, false) || max == 0 || real_now() >= until) return out;
    wait_for_news(lock, until);
  }
}

void Member::wait_for_news(std::unique_lock<std::mutex>& lock, SteadyTime until) {
  if (const auto due = next_due())
    until = std::min(until, deadline_after(real_now(), std::max(Duration{}, Duration{*due - now()})));
  // A clock that is set by hand tells nobody that it moved.
  if (plan_.clock != &system_clock()) until = std::min(until, deadline_after(real_now(), look_at_manual_clock_every));
  news_.wait_until(lock, until);
}

std::optional<SteadyTime> Member::next_due() const {
  std::optional<SteadyTime> first;
  for (const auto& [number, place] : places_) {
    if (!place.held || place.leaving || is_reader()) continue;
    if (const auto due = place.flight.next_due(); due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Member::read(std::size_t max, std::vector<Delivery>& out) {
  std::size_t unsettled = 0;
  for (const auto& [number, place] : places_)
    if (place.held && !is_reader()) unsettled += place.flight.unsettled();
  // Each time another partition comes first.
  auto place = places_.lower_bound(turn_);
  for (std::size_t looked = 0; looked < places_.size() && out.size() < max; ++looked, ++place) {
    if (place == places_.end()) place = places_.begin();
    if (place->second.held && !place->second.leaving) read_place(place->first, place->second, max, unsettled, out);
  }
  ++turn_;
  if (turn_ > plan_.partitions) turn_ = 0;
}

void Member::read_place(std::uint32_t number, Place& place, std::size_t max, std::size_t& unsettled,
                        std::vector<Delivery>& out) {
  const auto deliver = [&](const SharedRecord& record, int attempt) {
    out.push_back({.id = {Partition{number}, Offset{record->offset}, place.flight.generation()},
                   .envelope = record->event,
                   .appended = record->appended,
                   .attempt = attempt,
                   .owner = record});
  };
  const auto had = place.buffer.size();
  if (is_reader()) {
    while (out.size() < max && !place.buffer.empty()) deliver(take_next(place), 1);
  } else {
    const auto at = now();
    while (out.size() < max) {
      const auto due = place.flight.take_due(at);
      if (!due) break;
      if (const auto kept = place.unsettled.find(due->offset.value); kept != place.unsettled.end())
        deliver(kept->second, due->attempt);
    }
    while (out.size() < max && unsettled < plan_.options.in_flight_max && place.flight.room() > 0 &&
           !place.buffer.empty()) {
      auto record = take_next(place);
      if (record->offset >= place.gone_until && place.gone_until > place.flight.next().value)
        place.flight.skip_to(Offset{place.gone_until});
      if (record->offset > place.flight.next().value)
        place.flight.pass_over(Offset{record->offset});  // transactions' marks, and what was compacted
      place.flight.add(Offset{record->offset}, at);
      place.unsettled[record->offset] = record;
      ++unsettled;
      deliver(record, 1);
    }
    if (place.buffer.empty()) pass_gaps(place);
  }
  if (place.paused && had != place.buffer.size()) {
    wants_resume_ = true;
    rd_kafka_queue_yield(queue_.get());
  }
}

SharedRecord Member::take_next(Place& place) {
  auto record = std::move(place.buffer.front());
  place.buffer.pop_front();
  place.buffer_bytes -= record->bytes;
  return record;
}

/// What was fetched is handed out: there is no event before what will come next.
void Member::pass_gaps(Place& place) {
  const auto before = place.flight.position();
  if (place.gone_until > place.flight.next().value) place.flight.skip_to(Offset{place.gone_until});
  if (place.end_seen > place.flight.next().value) place.flight.pass_over(Offset{place.end_seen});
  if (place.flight.position() != before) ++place.changes;
}

/// Errors `not_owner` where one is not held; the others are done.
template <class Act>
Result<> Member::for_each_held(std::span<const DeliveryId> ids, Act act) {
  std::optional<Partition> gone;
  for (const auto& id : ids) {
    const auto found = places_.find(id.partition.value);
    const bool held = found != places_.end() && found->second.held;
    if (!held || act(found->second, id) == InFlight::Answer::not_held) gone = id.partition;
  }
  if (!gone) return {};
  return Error{"not_owner", "partition " + std::to_string(gone->value) + " of " + name() +
                                " has gone to another member, or is not held by this one any more; what it did with "
                                "these events counts no more"};
}

Result<> Member::settle(std::span<const DeliveryId> ids, Outcome outcome) {
  if (is_reader()) return {};
  std::unique_lock lock(mutex_);
  auto answer = for_each_held(ids, [&](Place& place, const DeliveryId& id) {
    const auto settled = place.flight.settle(id.offset, id.generation, outcome);
    if (settled != InFlight::Answer::done) return settled;
    place.unsettled.erase(id.offset.value);
    ++place.changes;
    return settled;
  });
  news_.notify_all();  // there is room
  auto written = write(lock, deadline_after(real_now(), settle_max));
  moved_.notify_all();
  return written ? std::move(answer) : std::move(written);
}

Result<> Member::reject(std::span<const DeliveryId> ids, Duration delay) {
  if (is_reader()) return {};
  const std::scoped_lock lock(mutex_);
  const auto due = deadline_after(now(), std::max(delay, Duration{}));
  auto answer = for_each_held(
      ids, [&](Place& place, const DeliveryId& id) { return place.flight.reject(id.offset, id.generation, due); });
  news_.notify_all();
  moved_.notify_all();
  return answer;
}

Result<> Member::extend(std::span<const DeliveryId> ids) {
  if (is_reader()) return {};
  const std::scoped_lock lock(mutex_);
  const auto at = now();
  return for_each_held(
      ids, [&](Place& place, const DeliveryId& id) { return place.flight.extend(id.offset, id.generation, at); });
}

std::optional<Hold> Member::keep(Partition partition) {
  const std::scoped_lock lock(mutex_);
  const auto found = places_.find(partition.value);
  if (is_reader() || found == places_.end() || !found->second.held || (giving_up_ && lost_)) return std::nullopt;
  auto& place = found->second;
  place.kept_until = deadline_after(now(), plan_.options.settle_within);
  return Hold{place.flight.generation(), place.leaving || closing_};
}

std::optional<Offset> Member::read_to(Partition partition) const {
  const std::scoped_lock lock(mutex_);
  const auto found = places_.find(partition.value);
  if (!is_reader() || found == places_.end() || !found->second.buffer.empty() || found->second.end_seen == 0)
    return std::nullopt;
  return Offset{found->second.end_seen};
}

void Member::let_go(Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = places_.find(partition.value); found != places_.end())
    found->second.kept_until = SteadyTime::min();
  moved_.notify_all();
}

/// Until when somebody works on what is of the partition, if anybody does.
std::optional<SteadyTime> Member::used_until(const Place& place) const {
  if (!place.held || is_reader()) return std::nullopt;
  const auto last = std::max(place.flight.last_deadline().value_or(SteadyTime::min()), place.kept_until);
  return last > now() ? std::optional(last) : std::nullopt;
}

std::vector<Partition> Member::assignment() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Partition> held;
  for (const auto& [number, place] : places_)
    if (place.held && !closing_) held.push_back(Partition{number});
  return held;
}

void Member::wake() {
  const std::scoped_lock lock(mutex_);
  woken_ = true;
  news_.notify_all();
}

void Member::begin_closing() {
  const std::scoped_lock lock(mutex_);
  closing_ = true;
  news_.notify_all();
}

void Member::drain(Duration wait_max) {
  const auto until = deadline_after(real_now(), wait_max);
  std::unique_lock lock(mutex_);
  const auto last = [&] {
    std::optional<SteadyTime> latest;
    for (const auto& [number, place] : places_)
      if (const auto due = used_until(place); due && (!latest || *due > *latest)) latest = due;
    return latest;
  };
  while (real_now() < until) {
    const auto deadline = last();
    if (!deadline) return;
    auto wait_until = std::min(until, deadline_after(real_now(), Duration{*deadline - now()}));
    if (plan_.clock != &system_clock())
      wait_until = std::min(wait_until, deadline_after(real_now(), look_at_manual_clock_every));
    moved_.wait_until(lock, wait_until);
  }
}

void Member::begin_leaving() {
  const std::scoped_lock once(leave_mutex_);
  if (!thread_.joinable()) return;
  stop_ = true;
  rd_kafka_queue_yield(queue_.get());
}

void Member::leave() {
  begin_leaving();
  const std::scoped_lock once(leave_mutex_);
  if (!thread_.joinable()) return;
  thread_.join();
  queue_.reset();
  client_.reset();
}

}  // namespace tidings::brokers::kafka
