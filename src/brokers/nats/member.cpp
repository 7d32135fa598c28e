#include "brokers/nats/member.hpp"

#include <algorithm>

namespace tidings::brokers::nats {

namespace {

using namespace std::chrono_literals;

/// A clock that is set by hand tells nobody that it moved, so it is looked at again and again.
constexpr auto look_at_other_clock = 2ms;

}  // namespace

Member::Member(std::shared_ptr<Core> core, std::shared_ptr<Topic> topic, const ConsumerOptions& options)
    : core_(std::move(core)),
      topic_(std::move(topic)),
      options_(options),
      store_(core_->api, topic_->name(), options.group, topic_->partitions()),
      places_(topic_->partitions()) {}

Member::~Member() {
  if (is_watching_) core_->api.link().unwatch(watch_);
}

Result<> Member::begin(SteadyTime until) {
  const std::weak_ptr<Member> weak = weak_from_this();
  for (std::uint32_t partition = 0; partition < places_.size(); ++partition)
    places_[partition].feed = std::make_unique<Feed>(
        core_->api, topic_->stream(partition),
        [weak, partition](Message message) {
          if (const auto self = weak.lock()) self->come(partition, std::move(message));
        },
        [weak] {
          if (const auto self = weak.lock()) self->tell_what_came();
        });
  watch_ = core_->api.link().watch([weak] {
    if (const auto self = weak.lock()) self->connection_changed();
  });
  is_watching_ = true;
  if (!is_reader()) {
    const std::scoped_lock sharing(sharing_);
    losses_ = core_->api.link().losses();
    return join(until);
  }
  auto cursors = resolve(core_->api, topic_->name(), topic_->partitions(), options_.start, until);
  if (!cursors) return cursors.error();
  const std::scoped_lock lock(mutex_);
  for (std::uint32_t partition = 0; partition < places_.size(); ++partition) {
    places_[partition].cursor = (*cursors)[partition];
    places_[partition].is_held = true;
    places_[partition].feed->start((*cursors)[partition], std::nullopt, steady_now());
  }
  return {};
}

void Member::come(std::uint32_t partition, Message message) {
  auto incoming = Feed::read(std::move(message));
  const std::scoped_lock lock(mutex_);
  auto& feed = *places_[partition].feed;
  if (feed.come(std::move(incoming), steady_now())) has_come_ = true;
  if (feed.is_of_another_stream()) core_->wake_keeper();
}

void Member::tell_what_came() {
  {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(has_come_, false) || waiting_ == 0) return;
  }
  changed_.notify_all();
}

void Member::connection_changed() {
  {
    const std::scoped_lock lock(mutex_);
    for (auto& place : places_) place.feed->tick(steady_now());
    changed_.notify_all();
  }
  core_->wake_keeper();
}

Result<std::vector<Delivery>> Member::fetch(std::size_t max, Duration wait_max) {
  const auto until = deadline_after(steady_now(), wait_max);
  std::vector<Delivery> out;
  std::unique_lock lock(mutex_);
  while (true) {
    if (is_closing_)
      return Error{"closed", "this consumer of topic " + topic_->name() + " is closed; subscribe again", Retry::reopen};
    if (max == 0) return out;
    if (is_reader())
      read(max, out);
    else if (lease_is_over(steady_now()))
      core_->wake_keeper();  // perhaps others have taken over: nothing comes out until the group's record says not
    else
      read_for_group(max, out);
    if (!out.empty() || std::exchange(is_woken_, false) || !wait(lock, until, next_due())) return out;
  }
}

bool Member::wait(std::unique_lock<std::mutex>& lock, SteadyTime until, std::optional<SteadyTime> due) {
  const auto now = steady_now();
  if (now >= until) return false;
  auto wake = until;
  if (due) wake = std::min(wake, deadline_after(now, *due - clock_now()));
  if (core_->options.clock != &system_clock()) wake = std::min(wake, now + look_at_other_clock);
  ++waiting_;
  changed_.wait_until(lock, wake);
  --waiting_;
  return true;
}

/// When a waiting fetch has something to do though nobody says so.
std::optional<SteadyTime> Member::next_due() const {
  std::optional<SteadyTime> due;
  if (is_reader()) return due;
  for (const auto& place : places_) {
    if (!place.is_held || place.is_wanted_elsewhere) continue;
    const auto next = place.flight.next_due();
    if (next && (!due || *next < *due)) due = next;
  }
  return due;
}

Delivery Member::delivery(std::uint32_t partition, std::shared_ptr<const Kept> event, std::uint64_t generation,
                          int attempt) const {
  const auto* kept = event.get();
  return {.id = {Partition{partition}, Offset{Feed::offset_of(*kept)}, generation},
          .envelope = kept->view(),
          .appended = kept->at.appended,
          .attempt = attempt,
          .owner = std::move(event)};
}

void Member::read(std::size_t max, std::vector<Delivery>& out) {
  const auto first = turn_++;
  for (std::size_t step = 0; step < places_.size() && out.size() < max; ++step) {
    const auto partition = static_cast<std::uint32_t>((first + step) % places_.size());
    auto& place = places_[partition];
    while (out.size() < max && !place.feed->is_empty()) {
      place.cursor = Feed::offset_of(*place.feed->front()) + 1;
      out.push_back(delivery(partition, place.feed->front(), 0, 1));
      place.feed->pop();
    }
    place.feed->tick(steady_now());
  }
}

void Member::read_for_group(std::size_t max, std::vector<Delivery>& out) {
  const auto now = clock_now();
  std::size_t unsettled = 0;
  for (const auto& place : places_)
    if (place.is_held) unsettled += place.flight.unsettled();
  const auto first = turn_++;
  for (std::size_t step = 0; step < places_.size() && out.size() < max; ++step) {
    const auto partition = static_cast<std::uint32_t>((first + step) % places_.size());
    auto& place = places_[partition];
    if (!place.is_held || place.is_wanted_elsewhere) continue;
    while (out.size() < max) {
      const auto due = place.flight.take_due(now);
      if (!due) break;
      out.push_back(delivery(partition, place.events.at(due->offset.value), place.flight.generation(), due->attempt));
    }
    while (out.size() < max && unsettled < options_.in_flight_max && place.flight.room() > 0 &&
           !place.feed->is_empty()) {
      auto event = place.feed->front();
      place.feed->pop();
      const auto offset = Feed::offset_of(*event);
      if (offset < place.flight.next().value) continue;
      place.flight.skip_to(Offset{offset});  // what stood there, retention has removed
      place.flight.add(Offset{offset}, now);
      place.events[offset] = event;
      ++unsettled;
      out.push_back(delivery(partition, std::move(event), place.flight.generation(), 1));
    }
    place.feed->tick(steady_now());
  }
}

template <class Act>
std::optional<DeliveryId> Member::for_each_held(std::span<const DeliveryId> ids, Act act) {
  const auto now = clock_now();
  std::optional<DeliveryId> lost;
  bool is_drained_now = false;
  for (const auto& id : ids) {
    auto* place = id.partition.value < places_.size() ? &places_[id.partition.value] : nullptr;
    if (place == nullptr || !place->is_held || act(*place, id, now) == InFlight::Answer::not_held) {
      lost = id;
      continue;
    }
    is_drained_now = is_drained_now || ((place->is_wanted_elsewhere || is_closing_) && is_drained(*place));
  }
  changed_.notify_all();
  if (is_drained_now) core_->wake_keeper();
  return lost;
}

Error Member::not_owner(const DeliveryId& lost) const {
  return {"not_owner", "partition " + std::to_string(lost.partition.value) + " of topic " + topic_->name() +
                           " has gone to another member of group " + options_.group + ", which gets event " +
                           std::to_string(lost.offset.value) + " again; drop it here"};
}

Result<> Member::settle(std::span<const DeliveryId> ids, Outcome outcome) {
  if (is_reader()) return {};
  std::unique_lock lock(mutex_);
  auto lost = for_each_held(ids, [&](Place& place, const DeliveryId& id, SteadyTime) {
    const auto answer = place.flight.settle(id.offset, id.generation, outcome);
    if (answer == InFlight::Answer::done) place.events.erase(id.offset.value);
    return answer;
  });
  auto written = write_positions(lock, false);
  // Another member may have taken over what was held a moment ago.
  for (const auto& id : ids)
    if (!lost && places_[id.partition.value].taken_over == id.generation) lost = id;
  if (lost) return not_owner(*lost);
  return written;
}

Result<> Member::reject(std::span<const DeliveryId> ids, Duration delay) {
  if (is_reader()) return {};
  const std::scoped_lock lock(mutex_);
  const auto lost = for_each_held(ids, [&](Place& place, const DeliveryId& id, SteadyTime now) {
    return place.flight.reject(id.offset, id.generation, deadline_after(now, delay));
  });
  return lost ? Result<>(not_owner(*lost)) : Result<>{};
}

Result<> Member::extend(std::span<const DeliveryId> ids) {
  if (is_reader()) return {};
  const std::scoped_lock lock(mutex_);
  const auto lost = for_each_held(ids, [&](Place& place, const DeliveryId& id, SteadyTime now) {
    return place.flight.extend(id.offset, id.generation, now);
  });
  return lost ? Result<>(not_owner(*lost)) : Result<>{};
}

std::optional<Hold> Member::keep(Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (is_reader() || is_closed_ || partition.value >= places_.size()) return std::nullopt;
  auto& place = places_[partition.value];
  // Who was not heard of for a lease may have a successor already.
  if (!place.is_held || lease_is_over(steady_now())) return std::nullopt;
  place.kept_until = deadline_after(clock_now(), options_.settle_within);
  return Hold{place.flight.generation(), place.is_wanted_elsewhere || is_closing_};
}

void Member::let_go(Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (is_reader() || partition.value >= places_.size()) return;
  auto& place = places_[partition.value];
  if (!place.is_held) return;
  place.kept_until = SteadyTime::min();
  if (!place.is_wanted_elsewhere && !is_closing_) return;
  changed_.notify_all();
  core_->wake_keeper();
}

std::vector<Partition> Member::assignment() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Partition> held;
  for (std::uint32_t partition = 0; partition < places_.size(); ++partition)
    if (places_[partition].is_held && !is_closed_) held.push_back(Partition{partition});
  return held;
}

void Member::wake() {
  const std::scoped_lock lock(mutex_);
  is_woken_ = true;
  changed_.notify_all();
}

std::optional<std::uint64_t> Member::settled_beyond(std::uint32_t partition) const {
  const std::scoped_lock lock(mutex_);
  const auto& place = places_.at(partition);
  if (!place.is_held || is_reader()) return std::nullopt;
  return place.flight.settled_beyond();
}

}  // namespace tidings::brokers::nats
