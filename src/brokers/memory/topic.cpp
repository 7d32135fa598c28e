#include "brokers/memory/topic.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "brokers/memory/waiting.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::memory {

Topic::Topic(std::string name, const TopicOptions& options)
    : name_(std::move(name)),
      event_bytes_max_(options.event_bytes()),
      partitions_(std::max<std::uint32_t>(1, options.partitions)) {}

std::uint32_t Topic::next_partition() {
  const std::scoped_lock lock(mutex_);
  return turn_++ % partitions();
}

void Topic::append(std::span<const Part> parts, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  last_appended_ = std::max(last_appended_, now);
  for (const auto& part : parts) append_locked(part);
  for (const auto& part : parts) notify_readers_of(part.partition);
}

void Topic::append_locked(const Part& part) {
  auto& kept = partitions_[part.partition];
  part.chunk->first = kept.end;
  part.chunk->appended = last_appended_;
  kept.end = part.chunk->end();
  kept.chunks.push_back(part.chunk);
}

Result<Topic::Once> Topic::append_once(std::span<const Part> parts, const Producer& producer, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  last_appended_ = std::max(last_appended_, now);
  const auto time = last_appended_.time_since_epoch().count();
  Once once;
  for (const auto& part : parts) {
    auto& producers = partitions_[part.partition].producers;
    producers.forget_before(time - Duration{ProducerTable::kept_for}.count());
    auto judged = producers.judge(producer.id, producer.epoch, part.sequences);
    if (judged.fenced_by)
      return fenced("topic " + name_ + ", partition " + std::to_string(part.partition), producer, *judged.fenced_by);
    once.duplicates.push_back(std::move(judged.duplicates));
  }
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const auto& part = parts[index];
    const auto seen = once.duplicates[index].size();
    if (seen == part.chunk->events.size()) {
      once.bytes_left += part.chunk->bytes;
      continue;
    }
    auto& events = part.chunk->events;
    events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(seen));
    append_locked(part);
    for (auto number = seen; number < part.sequences.size(); ++number)
      partitions_[part.partition].producers.note(producer.id, producer.epoch, part.sequences[number],
                                                 part.chunk->first + number - seen, time);
    notify_readers_of(part.partition);
  }
  return once;
}

void Topic::notify_readers_of(std::uint32_t partition) {
  for (auto* reader : readers_) reader->notify();
  for (auto& [name, group] : groups_)
    if (auto* holder = group->places()[partition].holder) holder->notify();
}

void Topic::join(Member& member) {
  const std::scoped_lock lock(mutex_);
  const auto& name = member.options.group;
  if (name.empty()) {
    member.cursors = resolve(member.options.start);
    readers_.push_back(&member);
    return;
  }
  auto& group = groups_[name];
  if (!group) group = std::make_unique<Group>(name, resolve(member.options.start));
  member.group = group.get();
  group->join(member);
}

void Topic::begin_leaving(Member& member) {
  const std::scoped_lock lock(mutex_);
  if (member.closed || member.closing) return;
  member.closing = true;
  if (member.group != nullptr) member.group->begin_leaving(member);
  member.notify();
}

void Topic::leave(Member& member) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(member.closed, true)) return;
  member.closing = true;
  std::erase(readers_, &member);
  if (member.group != nullptr) member.group->leave(member);
  member.notify();
}

void Topic::drain(Member& member, Duration wait_max) {
  begin_leaving(member);
  {
    std::unique_lock lock(mutex_);
    Waiting waiting(member, wait_max);
    while (member.group != nullptr && !member.closed && member.group->holds_any(member)) {
      const auto now = member.clock->steady_now();
      for (auto& place : member.group->places())
        if (place.holder == &member) member.group->hand_over(place, now);
      if (!member.group->holds_any(member) || !waiting.wait(lock, next_due(member))) break;
    }
  }
  leave(member);
}

Result<std::vector<Delivery>> Topic::fetch(Member& member, std::size_t max, Duration wait_max) {
  std::vector<Delivery> out;
  std::unique_lock lock(mutex_);
  Waiting waiting(member, wait_max);
  while (true) {
    if (member.closing)
      return Error{"closed", "this consumer of topic " + name_ + " is closed; subscribe again", Retry::reopen};
    if (max == 0) return out;
    if (member.group == nullptr)
      read(member, max, out);
    else
      read_for_group(member, max, out);
    if (!out.empty() || std::exchange(member.woken, false) || !waiting.wait(lock, next_due(member))) return out;
  }
}

void Topic::read(Member& member, std::size_t max, std::vector<Delivery>& out) {
  const auto first = member.turn++;
  for (std::uint32_t step = 0; step < partitions() && out.size() < max; ++step) {
    const auto partition = static_cast<std::uint32_t>((first + step) % partitions());
    auto& cursor = member.cursors[partition];
    cursor = std::max(cursor, partitions_[partition].earliest);
    const auto count = std::min<std::uint64_t>(max - out.size(), partitions_[partition].end - cursor);
    deliver(partition, cursor, count, 0, 1, out);
    cursor += count;
  }
}

void Topic::read_for_group(Member& member, std::size_t max, std::vector<Delivery>& out) {
  auto& places = member.group->places();
  const auto now = member.clock->steady_now();
  for (auto& place : places) {
    if (place.wanted == &member || place.holder == &member) member.group->hand_over(place, now);
  }
  std::size_t unsettled = 0;
  for (const auto& place : places)
    if (place.holder == &member) unsettled += place.flight.unsettled();

  const auto first = member.turn++;
  for (std::uint32_t step = 0; step < partitions() && out.size() < max; ++step) {
    const auto partition = static_cast<std::uint32_t>((first + step) % partitions());
    auto& place = places[partition];
    auto& kept = partitions_[partition];
    if (place.holder != &member || place.wanted != &member) continue;
    while (out.size() < max) {
      const auto due = place.flight.take_due(now);
      if (!due) break;
      deliver(partition, due->offset.value, 1, place.flight.generation(), due->attempt, out);
    }
    const auto limit = member.options.in_flight_max;
    const auto count = std::min<std::uint64_t>({max - out.size(), limit > unsettled ? limit - unsettled : 0,
                                                place.flight.room(), kept.end - place.flight.next().value});
    deliver(partition, place.flight.next().value, count, place.flight.generation(), 1, out);
    for (std::uint64_t added = 0; added < count; ++added) place.flight.add(place.flight.next(), now);
    unsettled += count;
  }
}

void Topic::deliver(std::uint32_t partition, std::uint64_t offset, std::uint64_t count, std::uint64_t generation,
                    int attempt, std::vector<Delivery>& out) const {
  if (count == 0) return;
  for (auto chunk = partitions_[partition].chunk_of(offset); count > 0; ++chunk) {
    for (; count > 0 && offset < (*chunk)->end(); ++offset, --count)
      out.push_back({.id = {Partition{partition}, Offset{offset}, generation},
                     .envelope = (*chunk)->events[offset - (*chunk)->first],
                     .appended = (*chunk)->appended,
                     .attempt = attempt,
                     .owner = *chunk});
  }
}

/// When a waiting fetch, or close, of the member has something to do though nobody says so.
std::optional<SteadyTime> Topic::next_due(const Member& member) const {
  std::optional<SteadyTime> due;
  if (member.group == nullptr) return due;
  for (const auto& place : member.group->places()) {
    if (place.holder != &member && place.wanted != &member) continue;
    const auto next = place.holder == place.wanted ? place.flight.next_due() : place.flight.last_deadline();
    if (next && (!due || *next < *due)) due = next;
  }
  return due;
}

template <class Act>
Result<> Topic::for_each_held(Member& member, std::span<const DeliveryId> ids, Act act) {
  const std::scoped_lock lock(mutex_);
  if (member.group == nullptr) return {};
  const auto now = member.clock->steady_now();
  const DeliveryId* lost = nullptr;
  for (const auto& id : ids) {
    auto* place = id.partition.value < partitions() ? &member.group->places()[id.partition.value] : nullptr;
    if (place == nullptr || place->holder != &member || act(place->flight, id, now) == InFlight::Answer::not_held)
      lost = &id;
  }
  for (auto& place : member.group->places())
    if (place.holder == &member) member.group->hand_over(place, now);
  member.notify();
  if (lost == nullptr) return {};
  return Error{"not_owner", "partition " + std::to_string(lost->partition.value) + " of topic " + name_ +
                                " has gone to another member of group " + member.group->name() + ", which gets event " +
                                std::to_string(lost->offset.value) + " again; drop it here"};
}

Result<> Topic::settle(Member& member, std::span<const DeliveryId> ids, Outcome outcome) {
  return for_each_held(member, ids, [&](InFlight& flight, const DeliveryId& id, SteadyTime) {
    return flight.settle(id.offset, id.generation, outcome);
  });
}

Result<> Topic::reject(Member& member, std::span<const DeliveryId> ids, Duration delay) {
  return for_each_held(member, ids, [&](InFlight& flight, const DeliveryId& id, SteadyTime now) {
    return flight.reject(id.offset, id.generation, deadline_after(now, delay));
  });
}

Result<> Topic::extend(Member& member, std::span<const DeliveryId> ids) {
  return for_each_held(member, ids, [&](InFlight& flight, const DeliveryId& id, SteadyTime now) {
    return flight.extend(id.offset, id.generation, now);
  });
}

std::vector<Partition> Topic::assignment(const Member& member) {
  const std::scoped_lock lock(mutex_);
  std::vector<Partition> held;
  for (std::uint32_t index = 0; index < partitions() && !member.closed; ++index)
    if (member.group == nullptr || member.group->places()[index].holder == &member) held.push_back(Partition{index});
  return held;
}

std::optional<Hold> Topic::keep(const Member& member, Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (member.group == nullptr || member.closed || partition.value >= partitions()) return std::nullopt;
  auto& place = member.group->places()[partition.value];
  if (place.holder != &member) return std::nullopt;
  place.kept_until = deadline_after(member.clock->steady_now(), member.options.settle_within);
  return Hold{place.flight.generation(), place.wanted != &member};
}

void Topic::let_go(const Member& member, Partition partition) {
  const std::scoped_lock lock(mutex_);
  if (member.group == nullptr || member.closed || partition.value >= partitions()) return;
  auto& place = member.group->places()[partition.value];
  if (place.holder != &member) return;
  place.kept_until = SteadyTime::min();
  member.group->hand_over(place, member.clock->steady_now());
}

void Topic::wake(Member& member) {
  const std::scoped_lock lock(mutex_);
  member.woken = true;
  member.notify();
}

TopicInfo Topic::info() {
  const std::scoped_lock lock(mutex_);
  TopicInfo info{
      .name = name_, .durability = Durability::memory, .event_bytes_max = event_bytes_max_, .partitions = {}};
  for (std::uint32_t index = 0; index < partitions(); ++index)
    info.partitions.push_back({Partition{index}, Offset{partitions_[index].earliest}, Offset{partitions_[index].end}});
  return info;
}

std::vector<GroupInfo> Topic::groups() {
  const std::scoped_lock lock(mutex_);
  std::vector<GroupInfo> infos;
  for (const auto& [name, group] : groups_) {
    auto& info = infos.emplace_back(GroupInfo{.topic = name_, .group = name, .partitions = {}});
    for (std::uint32_t index = 0; index < partitions(); ++index) {
      const auto& place = group->places()[index];
      const auto& counts = place.flight.counts();
      info.partitions.push_back({.partition = Partition{index},
                                 .position = place.flight.position(),
                                 .end = Offset{partitions_[index].end},
                                 .settled_beyond = place.flight.settled_beyond(),
                                 .handled = counts.handled,
                                 .parked = counts.parked,
                                 .expired = counts.expired,
                                 .skipped = counts.skipped,
                                 .owned = place.holder != nullptr,
                                 .earliest = Offset{partitions_[index].earliest}});
    }
  }
  return infos;
}

Result<> Topic::seek(const std::string& name, const Start& to) {
  const std::scoped_lock lock(mutex_);
  auto& group = groups_[name];
  if (!group) {
    group = std::make_unique<Group>(name, resolve(to));
    return {};
  }
  if (group->active()) return group_active(name_, name, "seek again");
  group->seek(resolve(to));
  return {};
}

Result<> Topic::delete_group(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = groups_.find(name);
  if (found == groups_.end()) return unknown_group(name_, name);
  if (found->second->active()) return group_active(name_, name, "delete it again");
  groups_.erase(found);
  return {};
}

std::size_t Topic::trim() {
  const std::scoped_lock lock(mutex_);
  std::size_t freed = 0;
  if (groups_.empty()) return freed;
  for (std::uint32_t index = 0; index < partitions(); ++index) {
    auto& kept = partitions_[index];
    auto settled = kept.end;
    for (const auto& [name, group] : groups_)
      settled = std::min(settled, group->places()[index].flight.position().value);
    while (!kept.chunks.empty() && kept.chunks.front()->end() <= settled) {
      freed += kept.chunks.front()->bytes;
      kept.earliest = kept.chunks.front()->end();
      kept.chunks.pop_front();
    }
  }
  return freed;
}

std::deque<SharedChunk>::const_iterator Topic::Kept::chunk_of(std::uint64_t offset) const {
  const auto found = std::ranges::upper_bound(chunks, offset, {}, &Chunk::first);
  assert(found != chunks.begin() && offset < end);
  return std::prev(found);
}

std::uint64_t Topic::Kept::resolve(std::size_t number, const Start& start) const {
  if (const auto offset = start.offset_in(Partition{static_cast<std::uint32_t>(number)}))
    return std::clamp(offset->value, earliest, end);
  if (const auto* time = std::get_if<TimePoint>(&start.at)) {
    const auto found = std::ranges::lower_bound(chunks, *time, {}, &Chunk::appended);
    return found == chunks.end() ? end : (*found)->first;
  }
  return std::holds_alternative<Start::Latest>(start.at) ? end : earliest;
}

std::vector<std::uint64_t> Topic::resolve(const Start& start) const {
  std::vector<std::uint64_t> positions;
  positions.reserve(partitions_.size());
  for (const auto& kept : partitions_) positions.push_back(kept.resolve(positions.size(), start));
  return positions;
}

}  // namespace tidings::brokers::memory
