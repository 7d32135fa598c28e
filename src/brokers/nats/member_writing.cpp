#include <algorithm>

#include "brokers/nats/member.hpp"

namespace tidings::brokers::nats {

bool Member::needs_writing(const Place& place, bool beyond_too) const {
  if (!place.is_held) return false;
  return place.flight.position().value != place.written.position ||
         (beyond_too && place.flight.settled_beyond() != place.written.settled_beyond);
}

void Member::lose(Place& place) {
  place.is_held = false;
  place.is_wanted_elsewhere = false;
  place.kept_until = SteadyTime::min();
  place.feed->stop();
  place.events.clear();
  changed_.notify_all();
}

void Member::lose_to_another(Place& place) {
  if (needs_writing(place, false)) place.taken_over = place.written.epoch;
  lose(place);
}

/// Writes where the held partitions are, all at once; several that settle meanwhile are written together. What has gone
/// to another member is let go of.
Result<> Member::write_positions(std::unique_lock<std::mutex>& lock, bool beyond_too) {
  struct Write {
    std::uint32_t partition;
    PositionRecord record;
    std::shared_ptr<Answer> answer;
  };
  const auto until = steady_now() + answer_within;
  // As of now: what others settle while this waits is theirs to write.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> targets;
  for (std::uint32_t partition = 0; partition < places_.size(); ++partition)
    if (needs_writing(places_[partition], beyond_too))
      targets.emplace_back(partition, places_[partition].flight.position().value);
  while (true) {
    std::erase_if(targets, [&](const auto& target) {
      const auto& place = places_[target.first];
      return !needs_writing(place, beyond_too) || (!beyond_too && place.written.position >= target.second);
    });
    if (targets.empty()) return {};
    if (steady_now() >= until)
      return Error{"unreachable", core_->url.shown + ": the group's position could not be written in time",
                   Retry::same_call};
    std::vector<Write> writes;
    for (const auto& [partition, target] : targets)
      if (!places_[partition].is_writing) writes.push_back({partition, {}, nullptr});
    if (writes.empty()) {  // somebody else writes all of them
      changed_.wait_until(lock, until);
      continue;
    }
    for (const auto& write : writes) places_[write.partition].is_writing = true;
    if (!core_->api.link().is_connected()) {
      lock.unlock();
      core_->api.link().wait_connected(until);
      lock.lock();
    }
    Result<> result;
    for (auto& write : writes) {
      auto& place = places_[write.partition];
      if (place.revision_is_unknown)
        if (auto found = find_revision(lock, write.partition, until); !found) result = found;
      if (place.revision_is_unknown || !needs_writing(place, beyond_too)) continue;
      write.record = place.written;
      write.record.set(place.flight.position(), place.flight.counts(), place.flight.settled_beyond());
      if (auto begun = store_.begin_put(write.partition, write.record, place.revision))
        write.answer = std::move(*begun);
    }
    for (auto& write : writes) {
      auto& place = places_[write.partition];
      if (write.answer) {
        lock.unlock();
        auto revision = Api::finish_put(*write.answer, until);
        lock.lock();
        const bool is_same_hold = place.is_held && place.written.epoch == write.record.epoch;
        if (is_same_hold && revision) {
          place.revision = *revision;
          place.written = write.record;
        } else if (is_same_hold) {
          // It may have been written, or somebody else may have written: the next round looks.
          place.revision_is_unknown = true;
          if (revision.error().retry != Retry::same_call && !is_jetstream(revision.error(), wrong_last_sequence))
            result = revision.error();
        }
      }
      place.is_writing = false;
    }
    changed_.notify_all();
    if (!result && result.error().retry != Retry::same_call) return result;
  }
}

/// Looks at the partition's record: still ours, or not.
Result<> Member::find_revision(std::unique_lock<std::mutex>& lock, std::uint32_t partition, SteadyTime until) {
  auto& place = places_[partition];
  const auto epoch = place.written.epoch;
  const auto id = id_;
  lock.unlock();
  auto there = store_.position(partition, until);
  // Where there is none the server has lost it, unless the group was deleted while this member was taken for dead.
  Result<bool> is_lost = false;
  if (there && there->revision == 0) is_lost = store_.holds(id, partition, until);
  lock.lock();
  if (!there) return there.error();
  if (!is_lost) return is_lost.error();
  if (!place.is_held || place.written.epoch != epoch) return {};
  if (*is_lost) {
    core_->options.log->write(LogLevel::warning, core_->url.shown + ": the server has lost where group " +
                                                     options_.group + " stands in partition " +
                                                     std::to_string(partition) + " of topic " + topic_->name() +
                                                     ", as some do when they are killed; its holder writes it again");
    place.revision = 0;
    place.revision_is_unknown = false;
    return {};
  }
  if (there->record.epoch != epoch) {
    lose_to_another(place);
    return {};
  }
  place.written = there->record;
  place.revision = there->revision;
  place.revision_is_unknown = false;
  return {};
}

}  // namespace tidings::brokers::nats
