#include <algorithm>
#include <set>
#include <thread>

#include "brokers/nats/member.hpp"
#include "brokers/nats/names.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::nats {

namespace {

using namespace std::chrono_literals;

constexpr auto look_again = 200ms;
constexpr auto write_beyond_after = 500ms;
constexpr auto look_at_other_clock = 2ms;
constexpr auto goodbye_within = 2s;
constexpr std::string_view guard_beat = "guard ";

}  // namespace

bool Member::is_drained(const Place& place) const {
  const auto now = clock_now();
  const auto last = place.flight.last_deadline();
  return (!last || *last <= now) && place.kept_until <= now;
}

bool Member::holds_any() const {
  return std::ranges::any_of(places_, [](const Place& place) { return place.is_held; });
}

/// Takes out who has been silent for a lease, as this one has seen it with its own clock. True: somebody was.
Result<bool> Member::expire(GroupRecord& record) {
  const auto now = steady_now();
  std::map<std::string, Beat> beats;
  std::set<std::string> dead;
  const auto look = [&](const std::string& name, std::uint64_t number) {
    const auto before = beats_.find(name);
    const bool is_silent = before != beats_.end() && before->second.number == number;
    const auto& beat = beats[name] = is_silent ? before->second : Beat{number, now};
    if (now - beat.since > core_->url.lease) dead.insert(name);
  };
  for (const auto& one : record.members)
    if (one.id != id_) look(one.id, one.beat);
  const auto guard = std::string(guard_beat) + record.guard.id;
  if (!record.guard.id.empty()) look(guard, record.guard.beat);
  beats_ = std::move(beats);
  if (dead.contains(guard)) record.guard = {};
  bool any = dead.contains(guard);
  for (const auto& id : dead) {
    if (id == guard) continue;
    record.remove(id);
    any = true;
  }
  return any;
}

Result<> Member::join(SteadyTime until) {
  {
    const std::scoped_lock lock(mutex_);
    id_ = core_->api.link().new_token();
  }
  while (true) {
    auto there = store_.read(until);
    if (!there) return there.error();
    if (there->revision == 0) {
      auto positions = resolve(core_->api, topic_->name(), topic_->partitions(), options_.start, until);
      if (!positions) return positions.error();
      if (auto made = store_.make_positions(*positions, until); !made) return made;
    }
    const auto begun = steady_now();
    auto joined = store_.change(
        std::move(*there),
        [&](GroupRecord& record) -> Result<bool> {
          if (auto expired = expire(record); !expired) return expired;
          if (!record.guard.id.empty())
            return Error{"busy", "group " + options_.group + " is being moved; subscribe again", Retry::same_call};
          if (record.member(id_) != nullptr) return false;
          record.join(id_);
          return true;
        },
        true, until);
    if (joined) {
      {
        const std::scoped_lock lock(mutex_);
        beaten_ = begun;
      }
      beat_due_ = begun + core_->url.lease / 4;
      return apply(std::move(*joined), until);
    }
    if (joined.error().code != "busy" || steady_now() >= until) return joined.error();
    std::this_thread::sleep_for(20ms);
  }
}

/// Takes over what the record says: partitions that are ours now, and those that are not any more.
Result<> Member::apply(GroupStore::Seen seen, SteadyTime until) {
  seen_ = std::move(seen);
  const auto& record = seen_->record;
  std::vector<std::uint32_t> ours;
  {
    const std::scoped_lock lock(mutex_);
    const bool is_member = record.member(id_) != nullptr;
    for (std::uint32_t partition = 0; partition < places_.size(); ++partition) {
      auto& place = places_[partition];
      const auto& entry = record.places.at(partition);
      const bool is_ours = is_member && entry.holder == id_;
      if (place.is_held && !is_ours) lose_to_another(place);
      if (place.is_held) place.is_wanted_elsewhere = entry.wanted != id_;
      if (!place.is_held && is_ours && !is_closing_) ours.push_back(partition);
    }
    changed_.notify_all();
    if (!is_member && is_closing_) return {};
    if (!is_member) beats_.clear();
  }
  if (record.member(id_) == nullptr) return join(until);  // taken for dead
  for (const auto partition : ours)
    if (auto taken = take(partition, until); !taken) return taken;
  return {};
}

Result<> Member::take(std::uint32_t partition, SteadyTime until) {
  auto position = store_.take(partition, {}, until);
  if (!position) return position.error();
  // A stream that was deleted and made anew, or has lost its end, gives what comes the numbers of what is gone: it
  // would be passed over.
  const auto stream = core_->api.stream_info(topic_->stream(partition), until);
  if (!stream && !is_jetstream(stream.error(), stream_not_found)) return stream.error();
  const auto& there = position->record;
  if (stream && (there.stream != stream->created || stream->state.end() < there.position)) {
    const bool is_another = !there.stream.empty() && there.stream != stream->created;
    const bool begins_again = is_another || stream->state.end() < there.position;
    if (begins_again)
      core_->options.log->write(
          LogLevel::error,
          core_->url.shown + ": group " + options_.group + " stands at " + std::to_string(there.position) +
              " of partition " + std::to_string(partition) + " of topic " + topic_->name() + ", which ends at " +
              std::to_string(stream->state.end()) +
              (is_another ? ": its stream was made anew" : ": its stream was made anew, or has lost its end") +
              "; it begins again with the first event kept");
    position = store_.take(
        partition,
        [&](PositionRecord& record) {
          if (begins_again) record.position = stream->state.earliest();
          record.stream = stream->created;
        },
        until);
    if (!position) return position.error();
  }
  const std::scoped_lock lock(mutex_);
  auto& place = places_[partition];
  const auto& record = position->record;
  place.flight.begin(Offset{record.position}, record.epoch, options_.settle_within, record.counts());
  place.events.clear();
  place.written = record;
  place.revision = position->revision;
  place.revision_is_unknown = false;
  place.is_held = true;
  place.is_wanted_elsewhere = seen_->record.places.at(partition).wanted != id_;
  place.feed->start(record.position, stream ? stream->created : std::string{}, steady_now());
  changed_.notify_all();
  return {};
}

/// Streams that were made anew while they were read: a reader begins again; what a member holds is taken as new. True:
/// there is something to take.
bool Member::let_go_of_other_streams() {
  bool any = false;
  const std::scoped_lock lock(mutex_);
  for (std::uint32_t partition = 0; partition < places_.size(); ++partition) {
    auto& place = places_[partition];
    if (!place.is_held || !place.feed->is_of_another_stream()) continue;
    if (!is_reader()) {
      lose(place);
      any = true;
      continue;
    }
    core_->options.log->write(
        LogLevel::warning, core_->url.shown + ": the stream of partition " + std::to_string(partition) + " of topic " +
                               topic_->name() +
                               " was made anew; a reader of it begins again with the first event kept");
    place.cursor = place.feed->earliest();
    place.feed->start(place.cursor, std::nullopt, steady_now());
  }
  return any;
}

Result<> Member::beat(SteadyTime until) {
  const auto begun = steady_now();
  bool somebody_died = false;
  const auto change = [&](GroupRecord& record) -> Result<bool> {
    auto expired = expire(record);
    if (!expired) return expired;
    auto* own = record.member(id_);
    if (own == nullptr) return false;
    ++own->beat;
    somebody_died = *expired;
    return true;
  };
  auto seen = store_.change(seen_, change, false, until);
  if (!seen) return seen.error();
  if (somebody_died) (void)core_->api.link().send(change_subject(topic_->name(), options_.group), "");
  if (seen->record.member(id_) != nullptr) {
    const std::scoped_lock lock(mutex_);
    beaten_ = begun;
  }
  return apply(std::move(*seen), until);
}

Result<> Member::look(SteadyTime until) {
  auto seen = store_.read(until);
  if (!seen) return seen.error();
  return apply(std::move(*seen), until);
}

/// Hands on what is wanted elsewhere, as soon as nothing of it is in a handler's hands, or its time is over.
Result<> Member::hand_over_drained(SteadyTime until) {
  std::vector<std::uint32_t> drained;
  {
    std::unique_lock lock(mutex_);
    const auto is_to_go = [&](const Place& place) {
      return place.is_held && place.is_wanted_elsewhere && is_drained(place);
    };
    if (std::ranges::none_of(places_, is_to_go)) return {};
    if (auto written = write_positions(lock, false); !written) return written;
    for (std::uint32_t partition = 0; partition < places_.size(); ++partition)
      if (is_to_go(places_[partition])) {
        drained.push_back(partition);
        lose(places_[partition]);
      }
  }
  if (drained.empty()) return {};
  auto seen = store_.change(
      seen_,
      [&](GroupRecord& record) -> Result<bool> {
        bool changed = false;
        for (const auto partition : drained)
          if (record.hand_over(id_, partition)) changed = true;
        return changed;
      },
      true, until);
  if (!seen) return seen.error();
  return apply(std::move(*seen), until);
}

void Member::begin_closing() {
  const std::scoped_lock lock(mutex_);
  is_closing_ = true;
  changed_.notify_all();
}

void Member::close(Duration wait_max) {
  const auto until = deadline_after(steady_now(), wait_max);
  begin_closing();
  if (!is_reader()) {
    const auto works = [&] {
      return std::ranges::any_of(places_, [&](const Place& place) { return place.is_held && !is_drained(place); });
    };
    bool waits = false;
    {
      const std::scoped_lock lock(mutex_);
      waits = !is_closed_ && works() && steady_now() < until;
    }
    if (waits && core_->api.link().is_connected()) {
      const std::scoped_lock sharing(sharing_);
      auto seen = store_.change(
          seen_,
          [&](GroupRecord& record) -> Result<bool> {
            const auto* own = record.member(id_);
            if (own == nullptr || own->leaves) return false;
            record.begin_leaving(id_);
            return true;
          },
          true, steady_now() + goodbye_within);
      if (seen) (void)apply(std::move(*seen), steady_now() + goodbye_within);
    }
    {
      std::unique_lock lock(mutex_);
      while (!is_closed_ && works() && wait(lock, until, clock_now() + look_again)) {
      }
    }
    const std::scoped_lock sharing(sharing_);
    leave(steady_now() + goodbye_within);
  }
  const std::scoped_lock lock(mutex_);
  is_closed_ = true;
  for (auto& place : places_) lose(place);
}

void Member::leave(SteadyTime until) {
  {
    std::unique_lock lock(mutex_);
    if (is_closed_) return;
    if (core_->api.link().is_connected()) (void)write_positions(lock, true);
    for (auto& place : places_) lose(place);
    is_closed_ = true;
  }
  // Without a connection others wait for the lease.
  if (!core_->api.link().is_connected()) return;
  (void)store_.change(
      seen_,
      [&](GroupRecord& record) -> Result<bool> {
        if (record.member(id_) == nullptr) return false;
        record.remove(id_);
        return true;
      },
      true, until);
}

void Member::group_changed() {
  {
    const std::scoped_lock lock(mutex_);
    must_look_ = true;
  }
  core_->wake_keeper();
}

SteadyTime Member::work() {
  const std::scoped_lock sharing(sharing_);
  auto now = steady_now();
  bool looks = false;
  {
    const std::scoped_lock lock(mutex_);
    if (is_closed_) return SteadyTime::max();
    looks = std::exchange(must_look_, false);
  }
  if (let_go_of_other_streams()) looks = true;
  auto due = SteadyTime::max();
  auto& link = core_->api.link();
  if (!is_reader() && link.is_connected()) {
    if (const auto losses = link.losses(); losses != losses_) {
      losses_ = losses;
      beats_.clear();  // nobody could beat meanwhile
      looks = true;
    }
    const auto until = now + answer_within;
    Result<> done;
    if (now >= beat_due_) {
      done = beat(until);
      beat_due_ = done ? now + core_->url.lease / 4 : now + look_again;
    } else if (looks) {
      done = look(until);
    }
    if (done) done = hand_over_drained(until);
    std::unique_lock lock(mutex_);
    if (!done) must_look_ = true;
    if (done && now >= write_due_) {
      (void)write_positions(lock, true);
      write_due_ = now + write_beyond_after;
    }
    if (!done) due = steady_now() + look_again;
    due = std::min({due, beat_due_, write_due_});
  } else if (!is_reader()) {
    due = now + look_again;
  }
  const std::scoped_lock lock(mutex_);
  now = steady_now();
  for (auto& place : places_) {
    place.feed->tick(now);
    due = std::min(due, place.feed->due());
    if (!place.is_held || !place.is_wanted_elsewhere) continue;
    if (const auto last = place.flight.last_deadline()) due = std::min(due, deadline_after(now, *last - clock_now()));
    if (const auto at = clock_now(); place.kept_until > at)
      due = std::min(due, deadline_after(now, place.kept_until - at));
    if (core_->options.clock != &system_clock()) due = std::min(due, now + look_at_other_clock);
  }
  return due;
}

}  // namespace tidings::brokers::nats
