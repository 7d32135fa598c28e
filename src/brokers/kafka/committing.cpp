#include <algorithm>
#include <functional>

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

/// Returns once all that had changed when it was called is written. Errors: `not_owner` where a partition has gone
/// before that, `unreachable`.
Result<> Member::write(std::unique_lock<std::mutex>& lock, SteadyTime until) {
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> wanted;  // generation and changes, by partition
  for (const auto& [number, place] : places_)
    if (place.held && place.changes != place.committed) wanted[number] = {place.flight.generation(), place.changes};
  const auto is_gone = [&](const auto& each) {
    const auto place = places_.find(each.first);
    return place == places_.end() || !place->second.held || place->second.flight.generation() != each.second.first;
  };
  const auto is_open = [&](const auto& each) {
    const auto written = written_.find(each.first);
    return written == written_.end() || written->second.first != each.second.first ||
           written->second.second < each.second.second;
  };
  Result<> last = error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "writing where " + name() + " stands", *plan_.relay);
  while (true) {
    // What has gone is no more to be written: others may have moved it.
    if (std::ranges::none_of(wanted, is_open)) return {};
    if (std::ranges::any_of(wanted, [&](const auto& each) { return is_open(each) && is_gone(each); }))
      return stop_ ? last : not_owner();  // it gives them up itself where it leaves
    if (stop_) until = std::min(until, deadline_after(real_now(), one_who_leaves_waits));
    if (real_now() >= until) return last;
    if (writing_) {
      moved_.wait_until(lock, until);
      continue;
    }
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
    auto done = commit(*list, until, [&] {
      const std::scoped_lock look(mutex_);
      return std::ranges::any_of(taken, [&](const auto& each) {
        const auto place = places_.find(each.first);
        return place != places_.end() && place->second.held &&
               place->second.flight.generation() == each.second.generation;
      });
    });
    lock.lock();
    writing_ = false;
    if (done)
      for (const auto& [number, what] : taken) {
        written_[number] = {what.generation, what.changes};
        if (const auto place = places_.find(number);
            place != places_.end() && place->second.flight.generation() == what.generation) {
          place->second.committed = what.changes;
          place->second.committed_position = what.position;
        }
      }
    moved_.notify_all();
    if (done) continue;
    write_again_ = deadline_after(real_now(), 500ms);
    if (done.error().retry != Retry::same_call) return done;
    // Each try begins with what is held then: this may be a member anew by that, and another have the partition.
    last = std::move(done);
    moved_.wait_until(lock, std::min(until, deadline_after(real_now(), try_again_after)));
  }
}

Error Member::not_owner() const {
  return {"not_owner",
          name() + " has gone on without this member, which it took for dead: its partitions are others' by now"};
}

/// One try, for as long as the partitions are held. Errors `not_owner`, `unreachable`.
Result<> Member::commit(const rd_kafka_topic_partition_list_t& list, SteadyTime until,
                        const std::function<bool()>& is_held) {
  const auto doing = "writing where " + name() + " stands";
  Answer answer;
  const Queue queue(rd_kafka_queue_new(client_.get()));
  const auto code = rd_kafka_commit_queue(client_.get(), &list, queue.get(), answered, &answer);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, doing, *plan_.relay);
  auto leaving_until = SteadyTime::max();
  while (!answer.came && real_now() < until) {
    if (stop_)
      until =
          std::min(until, leaving_until = std::min(leaving_until, deadline_after(real_now(), one_who_leaves_waits)));
    rd_kafka_queue_poll_callback(queue.get(), ms_of(std::min<Duration>(until - real_now(), look_every)));
    if (!answer.came && !is_held()) return not_owner();
  }
  if (!answer.came) return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing, *plan_.relay);
  if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (says_lost(answer.code)) return not_owner();
  return error_of(answer.code, doing, *plan_.relay);
}

}  // namespace tidings::brokers::kafka
