#include "brokers/log/member.hpp"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace tidings::brokers::log {
namespace {

using namespace std::chrono_literals;

// How long a member sleeps at most before it looks at its group again where nobody tells it of deaths, or where it has
// partitions to give up, or wants more than it got.
constexpr Duration balance_wanting = 5ms;
constexpr Duration balance_satisfied = 50ms;
// A publisher syncs what it wrote; one that was killed before leaves that to whoever waits for the events.
constexpr Duration sync_behind_after = 5ms;
constexpr Duration tell_unsynced_after = 1s;
constexpr Duration sleep_max = 100ms;
// Looking costs a process some 10 µs a member, so that where it has many each looks the less often: idle, they take
// less than a hundredth of a processor together (a thousand that looked every 50 ms took a quarter).
constexpr Duration look_apart = 3ms;
std::atomic<int> members_here = 0;

Duration at_least_apart(Duration wait) {
  return std::max<Duration>(wait, look_apart * members_here.load(std::memory_order_relaxed));
}

// So long after it was due somebody else looks at the group for a member that does not fetch.
constexpr Duration idle_before_shared = 500ms;

SteadyTime real_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Result<std::uint64_t> resolve(PartitionLog& partition, const Start& start) {
  const auto end = partition.visible_end();
  if (std::holds_alternative<Start::Latest>(start.at)) return end;
  if (const auto* const time = std::get_if<TimePoint>(&start.at)) return partition.first_at(*time);
  auto earliest = partition.earliest();
  if (!earliest) return earliest;
  if (const auto* const offset = std::get_if<Offset>(&start.at))
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
      spread_(std::chrono::milliseconds{10} * (members_here++ % 32)),
      file_(std::move(file)),
      places_(topic_->meta().partitions) {}

Member::~Member() {
  leave();
  --members_here;
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
Result<std::uint64_t> Member::start_in(PartitionLog& partition) const {
  return std::holds_alternative<Start::Earliest>(options_.start.at) ? partition.earliest_if_none_is_lost()
                                                                    : resolve(partition, options_.start);
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
    auto from = start_in(*places_[number].log);
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
    auto from = start_in(*place.log);
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
    if (auto done = give_up(number); !done) return done;
  }
  return {};
}

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

void Member::share_behind() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || closed_ || closing_ || is_reader()) return;
  // Who fetches looks itself. What goes wrong is told to the next fetch, which meets it too.
  if (real_now() < next_balance_ + idle_before_shared) return;
  if (auto done = rebalance(); !done) next_balance_ = SteadyTime::min();
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
