#include "brokers/log/member.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace tidings::brokers::log {

using namespace std::chrono_literals;

Result<std::uint64_t> resolve(PartitionLog& partition, std::uint32_t number, const Start& start) {
  const auto end = partition.visible_end();
  if (std::holds_alternative<Start::Latest>(start.at)) return end;
  if (const auto* const time = std::get_if<TimePoint>(&start.at)) return partition.first_at(*time);
  auto earliest = partition.earliest();
  if (!earliest) return earliest;
  if (const auto offset = start.offset_in(Partition{number}))
    return std::clamp(offset->value, std::min(*earliest, end), end);
  return std::min(*earliest, end);
}

Member::Member(std::shared_ptr<TopicLog> topic, const ConsumerOptions& options, std::optional<GroupFile> file,
               Clock& clock, LogSink& sink)
    : topic_(std::move(topic)),
      options_(options),
      clock_(clock),
      sink_(sink),
      group_(options_.group),
      spread_(std::chrono::milliseconds{10} * (members_here_++ % 32)),
      file_(std::move(file)),
      places_(topic_->meta().partitions) {}

Member::~Member() {
  leave();
  --members_here_;
}

Result<std::shared_ptr<Member>> Member::join(std::shared_ptr<TopicLog> topic, const ConsumerOptions& options,
                                             Clock& clock, LogSink& sink) {
  std::optional<GroupFile> file;
  if (!options.group.empty()) {
    auto opened = topic->group(options.group, true);
    if (!opened) return opened.error();
    file = std::move(*opened);
  }
  auto member = std::make_shared<Member>(std::move(topic), options, std::move(file), clock, sink);
  const auto count = static_cast<std::uint32_t>(member->places_.size());
  for (std::uint32_t number = 0; number < count; ++number)
    if (auto opened = member->open_place(number, 30s); !opened)
      if (auto refused = member->refuse(number, opened.error()); !refused) return refused.error();
  if (!member->is_reader()) {
    if (auto joined = member->file_->join(); !joined) return joined.error();
    for (std::uint32_t number = 0; number < count; ++number)
      member->places_[number].flights = member->file_->in_flight(number);
    if (auto begun = member->begin_positions(); !begun) return begun.error();
    if (auto listens = member->listen(); !listens) return listens.error();
    if (auto balanced = member->rebalance(); !balanced) return balanced.error();
    if (member->members_known_ > 1) member->tell_group();
  }
  if (std::ranges::all_of(member->places_, [](const Place& place) { return place.refused.has_value(); }))
    return *member->places_.front().refused;
  return member;
}

/// Who wants all from the beginning does not go on in silence where the beginning was lost.
Result<std::uint64_t> Member::start_in(PartitionLog& partition, std::uint32_t number) const {
  return std::holds_alternative<Start::Earliest>(options_.start.at) ? partition.earliest_if_none_is_lost()
                                                                    : resolve(partition, number, options_.start);
}

/// Where the group has no position yet it gets one now, not when its first event comes: "latest" means now.
Result<> Member::begin_positions() {
  for (std::uint32_t number = 0; number < places_.size(); ++number) {
    if (places_[number].refused) continue;
    if (auto begun = begin_position(number); !begun)
      if (auto refused = refuse(number, begun.error()); !refused) return refused;
  }
  return {};
}

Result<> Member::begin_position(std::uint32_t number) {
  auto record = file_->read(number);
  if (!record) return record.error();
  if (*record) return {};
  auto mine = file_->try_hold(number);
  if (!mine) return mine.error();
  if (!*mine) return {};  // somebody who joins at the same time does it
  const auto begin = [&]() -> Result<> {
    record = file_->read(number);
    if (!record) return record.error();
    if (*record) return {};
    auto from = start_in(*places_[number].log, number);
    if (!from) return from.error();
    GroupRecord first;
    first.sequence = 1;
    first.position = *from;
    first.epoch = places_[number].log->epoch();
    return file_->write(number, first);
  };
  auto begun = begin();
  if (auto released = file_->release(number); !released) return released;
  return begun;
}

template <class Act>
Result<> Member::for_each_held(std::span<const DeliveryId> ids, Act act) {
  must_not_be_forked();
  const std::scoped_lock lock(mutex_);
  if (is_reader()) return {};
  const auto now = clock_.steady_now();
  const DeliveryId* lost = nullptr;
  for (const auto& id : ids) {
    auto* const place = id.partition.value < places_.size() ? &places_[id.partition.value] : nullptr;
    if (place == nullptr || !place->held || act(place->flight, id, now) == InFlight::Answer::not_held) lost = &id;
  }
  for (std::uint32_t number = 0; number < places_.size(); ++number)
    if (places_[number].held)
      if (auto saved = save(number); !saved) return saved;
  // Who fetches no more for now, since it has enough, shares all the same.
  if (!closing_ && looks_at_group_now(real_now()))
    if (auto done = rebalance(); !done) return done;
  if (auto done = give_up_drained(); !done) return done;
  drained_.notify_all();
  if (waiting_.load() > 0) topic_->wake().announce();
  if (lost == nullptr) return {};
  return Error{"not_owner", "partition " + std::to_string(lost->partition.value) + " of topic " + topic_->name() +
                                " has gone to another member of group " + options_.group + ", which gets event " +
                                std::to_string(lost->offset.value) + " again; drop it here"};
}

/// 0 where the delivery is of no hold that goes on. Without the mutex, which a fetch has for long.
std::uint64_t Member::flights_key(const DeliveryId& id) const {
  if (is_reader() || id.partition.value >= places_.size()) return 0;
  const auto& place = places_[id.partition.value];
  const auto key = place.flights_key.load(std::memory_order_acquire);
  return place.flights_generation.load(std::memory_order_relaxed) == id.generation ? key : 0;
}

void Member::begin(std::span<const Attempt> attempts) {
  must_not_be_forked();
  for (const auto& [id, number] : attempts) {
    const auto key = flights_key(id);
    if (key == 0) continue;
    auto& place = places_[id.partition.value];
    if (!place.any_begun.load(std::memory_order_relaxed)) place.any_begun = true;
    place.flights->begin(key, id.offset.value, number);
  }
}

void Member::end(std::span<const DeliveryId> ids) {
  must_not_be_forked();
  for (const auto& id : ids)
    if (const auto key = flights_key(id); key != 0) places_[id.partition.value].flights->end(key, id.offset.value);
}

Result<> Member::settle(std::span<const DeliveryId> ids, Outcome outcome) {
  return for_each_held(ids, [&](InFlight& flight, const DeliveryId& id, SteadyTime) {
    const auto answer = flight.settle(id.offset, id.generation, outcome);
    if (auto& place = places_[id.partition.value]; answer == InFlight::Answer::done && place.any_begun)
      place.flights->end(place.flights_key.load(), id.offset.value);
    return answer;
  });
}

Result<> Member::reject(std::span<const DeliveryId> ids, Duration delay) {
  return for_each_held(ids, [&](InFlight& flight, const DeliveryId& id, SteadyTime now) {
    return flight.reject(id.offset, id.generation, deadline_after(now, delay));
  });
}

Result<> Member::extend(std::span<const DeliveryId> ids) {
  return for_each_held(ids, [&](InFlight& flight, const DeliveryId& id, SteadyTime now) {
    return flight.extend(id.offset, id.generation, now);
  });
}

std::vector<Partition> Member::assignment() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Partition> held;
  for (std::uint32_t number = 0; number < places_.size() && !closed_; ++number)
    if (is_reader() || places_[number].held) held.push_back(Partition{number});
  return held;
}

std::optional<Hold> Member::keep(Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (is_reader() || closed_ || partition.value >= places_.size()) return std::nullopt;
  auto& place = places_[partition.value];
  if (!place.held) return std::nullopt;
  place.kept_until = deadline_after(clock_.steady_now(), options_.settle_within);
  return Hold{place.flight.generation(), place.leaving || closing_};
}

void Member::let_go(Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (is_reader() || closed_ || partition.value >= places_.size()) return;
  auto& place = places_[partition.value];
  if (place.held) place.kept_until = SteadyTime::min();
}

void Member::wake() {
  must_not_be_forked();
  woken_ = true;
  topic_->wake().announce();
}

void Member::must_not_be_forked() const {
  assert(!topic_->is_forked() && "a log that was opened before fork() must not be used after it");
}

void Member::begin_closing() {
  if (topic_->is_forked()) return;
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || std::exchange(closing_, true)) return;
    if (!is_reader())
      if (auto done = rebalance(); !done) sink_.write(LogLevel::warning, to_string(done.error()));
  }
  topic_->wake().announce();
}

void Member::drain(Duration wait_max) {
  if (topic_->is_forked()) return;
  begin_closing();
  {
    std::unique_lock lock(mutex_);
    const auto until = deadline_after(real_now(), wait_max);
    const auto holds_any = [&] { return !closed_ && std::ranges::any_of(places_, &Place::held); };
    while (!is_reader() && holds_any() && real_now() < until) {
      drained_.wait_until(lock, std::min(until, real_now() + 20ms));
      if (auto done = give_up_drained(); !done) break;  // leave() below reports
    }
  }
  leave();
}

void Member::leave() {
  if (topic_->is_forked()) return;                            // nor is the mutex to be trusted
  std::unique_ptr<tidings::log::Deaths::Listening> listened;  // goes behind the lock: it may end a thread
  std::shared_ptr<File> positions;
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    closing_ = true;
    listened = std::move(listening_);
    if (is_reader()) return;
    for (std::uint32_t number = 0; number < places_.size(); ++number)
      if (places_[number].held)
        if (auto done = give_up(number); !done) sink_.write(LogLevel::warning, to_string(done.error()));
    positions = file_->shared_file();
    // Not its mapping: `begin` and `end` may store into it without the mutex.
    if (auto done = file_->leave(); !done) sink_.write(LogLevel::warning, to_string(done.error()));
    tell_group();
  }
  sync(*positions);  // the others go on meanwhile
}

void Member::sync_positions() {
  if (!moved_.load(std::memory_order_relaxed)) return;
  std::shared_ptr<File> positions;
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_) positions = file_->shared_file();
  }
  if (positions) sync(*positions);
}

void Member::sync(File& positions) {
  if (!moved_.exchange(false)) return;
  // Nothing hangs on it but what comes again after a power cut: it is told, and tried again when they move.
  if (auto done = positions.sync_data(); !done)
    sink_.write(LogLevel::warning,
                "the positions of group " + options_.group + " are not synced: " + to_string(done.error()));
}

}  // namespace tidings::brokers::log
