#include <algorithm>
#include <thread>

#include "brokers/kafka/asking.hpp"
#include "brokers/kafka/member.hpp"

// Where a group stands is written down by whoever settles; those who settle meanwhile wait for the next writing, which
// takes theirs together.
namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

constexpr Duration try_again_after = 50ms;
constexpr Duration look_every = 50ms;
constexpr Duration one_who_leaves_waits = 1s;

/// What a server answered to a commit.
struct Answer {
  bool came = false;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
};

void answered(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* offsets, void* opaque) {
  auto& answer = *static_cast<Answer*>(opaque);
  answer.came = true;
  answer.code = code;
  for (int index = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != nullptr && index < offsets->cnt; ++index)
    if (offsets->elems[index].err != RD_KAFKA_RESP_ERR_NO_ERROR) answer.code = offsets->elems[index].err;
}

bool says_lost(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

}  // namespace

bool Member::has_unwritten() const {
  return std::ranges::any_of(
      places_, [](const auto& each) { return each.second.held && each.second.changes != each.second.committed; });
}

/// Returns once all that had changed when it was called is written, or its partition has gone.
Result<> Member::write(std::unique_lock<std::mutex>& lock, SteadyTime until) {
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> wanted;  // generation and changes, by partition
  for (const auto& [number, place] : places_)
    if (place.held && place.changes != place.committed) wanted[number] = {place.flight.generation(), place.changes};
  const auto is_written = [&] {
    return std::ranges::none_of(wanted, [&](const auto& each) {
      const auto place = places_.find(each.first);
      return place != places_.end() && place->second.held && place->second.flight.generation() == each.second.first &&
             place->second.committed < each.second.second;
    });
  };
  while (!is_written()) {
    if (writing_) {
      if (moved_.wait_until(lock, until) == std::cv_status::timeout && real_now() >= until && writing_) break;
      continue;
    }
    if (real_now() >= until) break;
    const auto list = make_list(places_.size());
    struct Taken {
      std::uint64_t generation;
      std::uint64_t changes;
      std::uint64_t position;
    };
    std::map<std::uint32_t, Taken> taken;
    for (const auto& [number, place] : places_) {
      if (!place.held || place.changes == place.committed) continue;
      const auto position = place.flight.position().value;
      add_position(*list, plan_.topic, number, {position, {place.flight.counts(), place.flight.settled_beyond()}});
      taken[number] = {place.flight.generation(), place.changes, position};
    }
    writing_ = true;
    lock.unlock();
    auto done = commit(*list, until);
    lock.lock();
    writing_ = false;
    if (done)
      for (const auto& [number, what] : taken)
        if (const auto place = places_.find(number);
            place != places_.end() && place->second.flight.generation() == what.generation) {
          place->second.committed = what.changes;
          place->second.committed_position = what.position;
        }
    moved_.notify_all();
    if (!done) {
      write_again_ = deadline_after(real_now(), 500ms);
      return done;
    }
  }
  if (is_written()) return {};
  return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "writing where " + name() + " stands", *plan_.relay);
}

/// Errors `not_owner`, `unavailable`.
Result<> Member::commit(const rd_kafka_topic_partition_list_t& list, SteadyTime until) {
  const auto doing = "writing where " + name() + " stands";
  auto leaving_until = SteadyTime::max();
  while (true) {
    Answer answer;
    const Queue queue(rd_kafka_queue_new(client_.get()));
    const auto code = rd_kafka_commit_queue(client_.get(), &list, queue.get(), answered, &answer);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, doing, *plan_.relay);
    while (!answer.came && real_now() < until) {
      if (stop_)
        until =
            std::min(until, leaving_until = std::min(leaving_until, deadline_after(real_now(), one_who_leaves_waits)));
      rd_kafka_queue_poll_callback(queue.get(), ms_of(std::min<Duration>(until - real_now(), look_every)));
    }
    if (!answer.came) return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing, *plan_.relay);
    if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (says_lost(answer.code))
      return Error{
          "not_owner",
          name() + " has gone on without this member, which it took for dead: its partitions are others' by now"};
    if (!is_away(answer.code) || real_now() >= until) return error_of(answer.code, doing, *plan_.relay);
    std::this_thread::sleep_for(try_again_after);
  }
}

}  // namespace tidings::brokers::kafka
