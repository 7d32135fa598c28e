#include <algorithm>
#include <thread>

#include "brokers/kafka/asking.hpp"
#include "brokers/kafka/errors.hpp"
#include "brokers/kafka/member.hpp"

// Kafka shares a group's partitions out anew whenever a member comes or goes. With the range assignor all are taken
// from everybody first, and then given. librdkafka waits for our word at both steps.
namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

// The server waits for a member for max.poll.interval.ms (5 min), then goes on without it.
constexpr Duration give_up_max = 4min;
constexpr Duration try_again_after = 100ms;

}  // namespace

void Member::rebalanced(rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                        void* opaque) {
  auto& self = owner_of<Member>(opaque);
  if (self.saying_goodbye_)
    rd_kafka_assign(client, nullptr);
  else if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
    self.get(*partitions);
  else
    self.begin_giving_up(what != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(client) != 0);
}

/// Of all members of the process: one that joins anew in another's place has later ones.
std::uint64_t Member::next_generation() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

/// Reads where the group stands in the partitions, and begins there.
void Member::get(const rd_kafka_topic_partition_list_t& partitions) {
  const PartitionList list(rd_kafka_topic_partition_list_copy(&partitions));
  // The thread may wait here: librdkafka keeps the membership, and there is nothing to hand out yet.
  while (list->cnt > 0 && !stop_) {
    auto code = rd_kafka_committed(client_.get(), list.get(), ms_of(2s));
    for (int index = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && index < list->cnt; ++index) code = list->elems[index].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    auto error = error_of(code, "reading where " + name() + " stands", *plan_.relay);
    plan_.relay->write(LogLevel::debug, "kafka: " + error.message);
    if (error.retry != Retry::same_call) {  // who fetches shall know
      const std::scoped_lock lock(mutex_);
      trouble_ = std::move(error);
      news_.notify_all();
    }
    std::this_thread::sleep_for(try_again_after);
  }
  std::uint32_t count = plan_.partitions;
  for (int index = 0; index < list->cnt; ++index)
    count = std::max(count, static_cast<std::uint32_t>(list->elems[index].partition) + 1);
  std::vector<std::uint64_t> earliest;
  std::vector<std::uint64_t> ends;
  std::vector<std::uint64_t> starts = plan_.starts;
  const auto look = [&](std::vector<std::uint64_t>& where, const Start& start) {
    while (list->cnt > 0 && !stop_ && where.size() < count) {
      if (auto found = plan_.cluster->resolve(plan_.topic, count, start))
        where = std::move(*found);
      else
        std::this_thread::sleep_for(try_again_after);
    }
  };
  look(earliest, Start::earliest());
  look(ends, Start::latest());
  const bool any_new =
      std::any_of(list->elems, list->elems + list->cnt, [](const auto& each) { return each.offset < 0; });
  if (any_new && starts.size() < count) look(starts, plan_.options.start);
  if (stop_) {
    rd_kafka_assign(client_.get(), nullptr);
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    for (auto& each : std::span(list->elems, static_cast<std::size_t>(list->cnt))) {
      const auto number = static_cast<std::uint32_t>(each.partition);
      get_place(number, position_of(each), each.offset < 0 ? starts[number] : 0, earliest[number], ends[number]);
      each.offset = static_cast<std::int64_t>(places_[number].next_fetch);
      each.err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    std::erase_if(places_, [](const auto& each) { return !each.second.held; });  // others' now
    write_again_ = {};
    news_.notify_all();
  }
  const auto code = rd_kafka_assign(client_.get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    plan_.relay->write(LogLevel::error,
                       "kafka: " + error_of(code, "taking the partitions of " + name(), *plan_.relay).message);
}

/// What was known of the partition stays so, where nobody has moved it meanwhile: what is settled beyond the position
/// need not come again.
void Member::get_place(std::uint32_t number, const std::optional<Cluster::Position>& committed, std::uint64_t start,
                       std::uint64_t earliest, std::uint64_t end) {
  auto& place = places_[number];
  const auto position = committed ? committed->offset : start;
  const bool same = place.known && committed && place.flight.position().value == position &&
                    place.committed_position == position &&
                    committed->record == CommitRecord{place.flight.counts(), place.flight.settled_beyond()};
  if (same) {
    place.flight.hand_over(next_generation(), plan_.options.settle_within, now());
  } else {
    place.flight.begin(Offset{position}, next_generation(), plan_.options.settle_within,
                       committed ? committed->record.counts : OutcomeCounts{});
    place.unsettled.clear();
    place.committed_position = position;
    place.committed = place.changes;
    if (!committed || committed->record.settled_beyond != 0)
      ++place.changes;  // that it is here shall be seen, and that nothing is beyond
  }
  place.held = true;
  place.leaving = false;
  place.paused = false;
  place.known = true;
  place.gone_until = 0;
  place.end_seen = 0;
  if (place.flight.next().value < earliest) {
    tell_moved(number, place.flight.next().value, earliest);
    place.flight.skip_to(Offset{earliest});
    ++place.changes;
  } else if (place.flight.next().value > end) {
    tell_moved(number, place.flight.next().value, end);
    place.flight.begin(Offset{end}, next_generation(), plan_.options.settle_within, place.flight.counts());
    place.unsettled.clear();
    ++place.changes;
  }
  place.next_fetch = place.flight.next().value;
}

void Member::begin_giving_up(bool lost) {
  const std::scoped_lock lock(mutex_);
  giving_up_ = true;
  lost_ = lost;
  give_up_until_ = deadline_after(real_now(), give_up_max);
  for (auto& [number, place] : places_) {
    place.leaving = true;
    place.buffer.clear();
    place.buffer_bytes = 0;
  }
}

/// Once what is in flight is settled and written, or its time to be settled is over.
bool Member::may_give_up() const {
  if (lost_ || real_now() >= give_up_until_) return true;
  return !writing_ && !has_unwritten() &&
         std::ranges::none_of(places_, [&](const auto& each) { return used_until(each.second).has_value(); });
}

void Member::give_up() {
  const auto paused = make_list(1);
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [number, place] : places_)
      if (std::exchange(place.paused, false))
        rd_kafka_topic_partition_list_add(paused.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number));
    giving_up_ = false;
    give_up_all();
  }
  if (paused->cnt > 0) rd_kafka_resume_partitions(client_.get(), paused.get());
  rd_kafka_assign(client_.get(), nullptr);
}

/// From now on a late word counts no more.
void Member::give_up_all() {
  for (auto& [number, place] : places_) {
    place.held = false;
    place.kept_until = SteadyTime::min();
    place.buffer.clear();
    place.buffer_bytes = 0;
  }
  news_.notify_all();
  moved_.notify_all();
}

}  // namespace tidings::brokers::kafka
