#include <algorithm>
#include <system_error>

#include "brokers/kafka/asking.hpp"
#include "brokers/kafka/member.hpp"

// A member's thread: what comes from librdkafka, and what is done with its buffers.
namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

constexpr Duration poll_max = 300ms;
constexpr Duration poll_max_while_giving_up = 5ms;
constexpr std::size_t at_once = 256;
// A partition's buffer: beyond one of these it is paused, below half of both it goes on, some ten milliseconds later
// until events come again. Where a member holds few partitions each has more, so that what is left lasts until then.
constexpr std::size_t buffer_records = 10'000;
constexpr std::size_t buffer_bytes = std::size_t{8} << 20;
constexpr std::size_t all_records = 6 * buffer_records;
constexpr std::size_t all_bytes = 6 * buffer_bytes;
// What librdkafka keeps before that. Where this is met its thread that fetches goes to sleep for a second.
constexpr std::size_t native_bytes = std::size_t{32} << 20;
constexpr Duration goodbye_max = 3s;

bool is_full(std::size_t records, std::size_t bytes, std::size_t partitions) {
  return records >= std::max(buffer_records, all_records / partitions) ||
         bytes >= std::max(buffer_bytes, all_bytes / partitions);
}

}  // namespace

Result<std::shared_ptr<Member>> Member::join(MemberPlan plan) {
  auto member = std::make_shared<Member>(std::move(plan));
  if (auto started = member->start(); !started) return started.error();
  return member;
}

Result<> Member::start() {
  const auto session = std::chrono::duration_cast<std::chrono::milliseconds>(plan_.url.session);
  const auto heartbeat = std::clamp<std::chrono::milliseconds>(session / 20, 50ms, 3s);
  auto conf = make_conf(
      plan_.url,
      {{"group.id", is_reader() ? plan_.url.prefix + "tidings-reader" : plan_.group},  // a reader's is never used
       {"enable.auto.commit", "false"},
       {"enable.auto.offset.store", "false"},
       {"enable.partition.eof", "true"},
       {"auto.offset.reset", "error"},
       {"partition.assignment.strategy", "range"},
       {"isolation.level", "read_committed"},
       {"session.timeout.ms", std::to_string(session.count())},
       {"heartbeat.interval.ms", std::to_string(heartbeat.count())},
       {"max.poll.interval.ms", std::to_string(std::max<std::int64_t>(300'000, session.count()))},
       {"topic.metadata.refresh.interval.ms", "30000"},
       {"fetch.error.backoff.ms", "50"},
       {"queued.min.messages", "10000000"},  // the bound is that of the bytes
       {"queued.max.messages.kbytes", std::to_string(native_bytes >> 10)}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_rebalance_cb(conf->get(), rebalanced);
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf), *plan_.relay, this);
  if (!client) return client.error();
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  const auto list = make_list(plan_.partitions);
  rd_kafka_resp_err_t code{};
  if (is_reader()) {
    for (std::uint32_t number = 0; number < plan_.partitions; ++number) {
      auto& place = places_[number];
      place.held = true;
      place.next_fetch = plan_.starts[number];
      rd_kafka_topic_partition_list_add(list.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number))->offset =
          static_cast<std::int64_t>(place.next_fetch);
    }
    code = rd_kafka_assign(client_.get(), list.get());
  } else {
    rd_kafka_topic_partition_list_add(list.get(), plan_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(client_.get(), list.get());
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, "subscribing " + name(), *plan_.relay);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& none) {
    return Error{"no_thread", std::string("a consumer needs a thread, and the system has none: ") + none.what(),
                 Retry::same_call};
  }
  return {};
}

void Member::run() {
  while (!stop_) {
    serve();
    poll(giving_up_ ? poll_max_while_giving_up : poll_max);
  }
  say_goodbye();
}

void Member::poll(Duration wait_max) {
  std::vector<std::pair<std::uint32_t, SharedRecord>> came;
  Message message(rd_kafka_consumer_poll(client_.get(), ms_of(wait_max)));
  for (std::size_t count = 1; message; ++count) {
    take(*message, came);
    message.reset(count < at_once ? rd_kafka_consumer_poll(client_.get(), 0) : nullptr);
  }
  if (came.empty()) return;
  const auto bytes = came.front().second->bytes;
  put(came);
  wake_fetching(bytes);
}

/// librdkafka does not fetch while its own bound is met, and does not see for a second that it is not any more: our
/// thread reads what comes, which takes it about as long as fetching.
void Member::wake_fetching(std::size_t bytes_each) {
  const auto queued = rd_kafka_queue_length(queue_.get());
  queued_most_ = std::max(queued_most_, queued);
  if (queued > queued_most_ / 4 || queued_most_ * bytes_each < native_bytes / 3) return;
  queued_most_ = queued;
  const auto list = make_list(1);
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [number, place] : places_)
      if (place.held && !place.paused)
        rd_kafka_topic_partition_list_add(list.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number));
  }
  ask_servers(*list);
}

/// Wakes the threads that fetch from those partitions' servers. The answers are of no interest.
void Member::ask_servers(rd_kafka_topic_partition_list_t& list) {
  if (list.cnt == 0) return;
  for (int index = 0; index < list.cnt; ++index) list.elems[index].offset = RD_KAFKA_OFFSET_END;
  rd_kafka_offsets_for_times(client_.get(), &list, ms_of(10ms));
}

void Member::take(const rd_kafka_message_t& message, std::vector<std::pair<std::uint32_t, SharedRecord>>& came) {
  const auto partition = static_cast<std::uint32_t>(message.partition);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      came.emplace_back(partition, read_record(message));
      return;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: {
      if (!came.empty()) put(came);  // they come before the end
      const std::scoped_lock lock(mutex_);
      const auto found = places_.find(partition);
      if (found == places_.end() || !found->second.held || found->second.leaving) return;
      found->second.end_seen = static_cast<std::uint64_t>(std::max<std::int64_t>(message.offset, 0));
      if (found->second.buffer.empty() && !is_reader()) pass_gaps(found->second);
      return;
    }
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (!came.empty()) put(came);
      astray_.insert(partition);
      look_for_astray_ = {};
      return;
    default:
      break;
  }
  // Of lost connections nobody needs to hear: it goes on by itself. What cannot pass is told to who fetches.
  auto error = error_of(message.err, name(), *plan_.relay, rd_kafka_message_errstr(&message));
  plan_.relay->write(LogLevel::warning, "kafka: " + error.message);
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) error.retry = Retry::reopen;
  if (error.retry == Retry::same_call) return;
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(error);
  news_.notify_all();
}

void Member::put(std::vector<std::pair<std::uint32_t, SharedRecord>>& came) {
  const auto full = make_list(1);
  {
    const std::scoped_lock lock(mutex_);
    const auto held = held_count();
    for (auto& [number, record] : came) {
      const auto found = places_.find(number);
      // What comes late, of an assignment that has gone, or twice, over a pause, is not for here.
      if (found == places_.end() || !found->second.held || found->second.leaving ||
          record->offset < found->second.next_fetch)
        continue;
      auto& place = found->second;
      place.next_fetch = record->offset + 1;
      place.buffer_bytes += record->bytes;
      place.buffer.push_back(std::move(record));
      if (place.paused || !is_full(place.buffer.size(), place.buffer_bytes, held)) continue;
      place.paused = true;
      rd_kafka_topic_partition_list_add(full.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number));
    }
  }
  news_.notify_all();
  came.clear();
  if (full->cnt > 0) rd_kafka_pause_partitions(client_.get(), full.get());
}

/// One at least.
std::size_t Member::held_count() const {
  const auto count = std::ranges::count_if(places_, [](const auto& each) { return each.second.held; });
  return std::max<std::size_t>(static_cast<std::size_t>(count), 1);
}

void Member::resume_those_with_room() {
  const auto list = make_list(1);
  {
    const std::scoped_lock lock(mutex_);
    const auto held = held_count();
    for (auto& [number, place] : places_) {
      if (!place.paused || is_full(2 * place.buffer.size(), 2 * place.buffer_bytes, held)) continue;
      place.paused = false;
      rd_kafka_topic_partition_list_add(list.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number));
    }
  }
  if (list->cnt == 0) return;
  rd_kafka_resume_partitions(client_.get(), list.get());
  ask_servers(*list);  // whose threads look only once a second by themselves
}

void Member::serve() {
  if (wants_resume_.exchange(false)) resume_those_with_room();
  if (!astray_.empty() && real_now() >= look_for_astray_) find_again();
  std::unique_lock lock(mutex_);
  // What nobody waits for, as the end of a gap; and what could not be written before.
  if (has_unwritten() && !writing_ && real_now() >= write_again_)
    (void)write(lock, deadline_after(real_now(), 1s)).has_value();
  if (!giving_up_ || !may_give_up()) return;
  lock.unlock();
  give_up();
}

/// Where librdkafka reads is not there: retention was quicker, or the topic is another one.
void Member::find_again() {
  look_for_astray_ = deadline_after(real_now(), 1s);
  const auto count = std::max(plan_.partitions, *astray_.rbegin() + 1);  // somebody may have added some
  auto earliest = plan_.cluster->resolve(plan_.topic, count, Start::earliest());
  auto ends = plan_.cluster->resolve(plan_.topic, count, Start::latest());
  if (!earliest || !ends) return;
  // librdkafka stops there, and a seek does not wake it: all are assigned anew, each where it stands.
  const auto list = make_list(plan_.partitions);
  const auto paused = make_list(1);
  {
    const std::scoped_lock lock(mutex_);
    if (giving_up_) return astray_.clear();
    for (const auto number : std::exchange(astray_, {})) {
      const auto found = places_.find(number);
      if (found != places_.end() && found->second.held)
        go_on_at(number, found->second, (*earliest)[number], (*ends)[number]);
    }
    for (auto& [number, each] : places_) {
      if (!each.held) continue;
      rd_kafka_topic_partition_list_add(list.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number))->offset =
          static_cast<std::int64_t>(each.next_fetch);
      if (std::exchange(each.paused, false))
        rd_kafka_topic_partition_list_add(paused.get(), plan_.topic.c_str(), static_cast<std::int32_t>(number));
    }
  }
  if (paused->cnt > 0) rd_kafka_resume_partitions(client_.get(), paused.get());
  const auto code = rd_kafka_assign(client_.get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    plan_.relay->write(LogLevel::warning, "kafka: " + error_of(code, "going on with " + name(), *plan_.relay).message);
}

void Member::go_on_at(std::uint32_t number, Place& place, std::uint64_t earliest, std::uint64_t end) {
  const auto from = place.next_fetch;
  const auto to = from < earliest ? earliest : std::min(from, end);
  tell_moved(number, from, to);
  place.next_fetch = to;
  if (to > from) place.gone_until = to;
  if (place.buffer.empty() && !is_reader()) pass_gaps(place);
}

void Member::tell_moved(std::uint32_t number, std::uint64_t from, std::uint64_t to) {
  plan_.relay->write(
      LogLevel::warning,
      name() + " stood at offset " + std::to_string(from) + " of partition " + std::to_string(number) + " of topic " +
          plan_.topic +
          (to > from ? ", whose events before offset " + std::to_string(to) + " were removed by retention"
                     : ", which ends before that: it is another topic, or has lost events") +
          "; it goes on at " + std::to_string(to));
}

/// Out of the group, within a bounded time; the others then need not wait for the session to end.
void Member::say_goodbye() {
  saying_goodbye_ = true;
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    if (has_unwritten()) (void)write(lock, deadline_after(real_now(), 1s)).has_value();
    moved_.wait(lock, [&] { return !writing_; });  // who writes sees that this one leaves
    give_up_all();
  }
  if (std::exchange(giving_up_, false)) rd_kafka_assign(client_.get(), nullptr);
  const Queue goodbyes(rd_kafka_queue_new(client_.get()));
  if (const NativeError failed(rd_kafka_consumer_close_queue(client_.get(), goodbyes.get())); !failed) {
    const auto until = deadline_after(real_now(), goodbye_max);
    while (rd_kafka_consumer_closed(client_.get()) == 0 && real_now() < until) {
      const Event event(rd_kafka_queue_poll(goodbyes.get(), 20));
      if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE)
        rd_kafka_assign(client_.get(), nullptr);
    }
  }
}

}  // namespace tidings::brokers::kafka
