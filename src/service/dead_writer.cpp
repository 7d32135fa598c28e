#include "service/dead_writer.hpp"

#include <algorithm>

#include "service/backoff.hpp"
#include "service/shown.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_max = 500;
constexpr std::size_t batch_bytes_max = std::size_t{1} << 20;
constexpr std::size_t closed_max = 40;  // of one event, which fits wherever a small letter does
constexpr Duration pause_min = 10ms;

}  // namespace

DeadPlace place_of(const Task& task) {
  return {task.ordered ? key_hash(task.delivery.envelope.key) : 0, task.delivery.id.offset.value, task.ordered};
}

/// Envelopes, and what they point to.
struct DeadWriter::Batch {
  std::deque<Headers> headers;
  std::deque<Envelope> ours;
  std::vector<EnvelopeView> events;
  std::vector<std::string> apart;     // of each event
  std::vector<std::size_t> event_of;  // of each job
  std::string hold;
  bool announces = false;
};

DeadWriter::DeadWriter(Host& host, DeadTopic& topic, Shelf& shelf, std::string name, std::string group,
                       const Backoff& retry, std::function<void(std::span<Task* const>)> written)
    : host_(host),
      topic_(topic),
      shelf_(shelf),
      name_(std::move(name)),
      group_(std::move(group)),
      retry_(retry),
      written_(std::move(written)) {}

DeadWriter::~DeadWriter() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void DeadWriter::add(DeadJob job) {
  const std::scoped_lock lock(mutex_);
  jobs_.push_back(std::move(job));
  ++added_;
  if (!thread_.joinable() && !ending_) {
    ended_ = false;
    thread_ = std::thread([this] { loop(); });
  }
  changed_.notify_one();
}

std::size_t DeadWriter::pending() const {
  const std::scoped_lock lock(mutex_);
  return jobs_.size() + in_hand_;
}

bool DeadWriter::flush(Duration wait_max) {
  std::unique_lock lock(mutex_);
  return rested_.wait_for(lock, wait_max, [&, to = added_] { return finished_ >= to; });
}

bool DeadWriter::end(SteadyTime until) {
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
    if (!rested_.wait_until(lock, until, [&] { return ended_; })) return false;
  }
  if (thread_.joinable()) thread_.join();
  return true;
}

void DeadWriter::loop() {
  int failures = 0;
  std::size_t most = batch_max;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return !jobs_.empty() || ending_; });
    if (jobs_.empty()) break;
    auto jobs = take(most);
    const auto taken = jobs.size();
    in_hand_ = taken;
    lock.unlock();
    const auto written = write(jobs);
    lock.lock();
    in_hand_ = 0;
    if (written) {
      failures = 0;
      finished_ += taken;
      most = std::min(most * 2, batch_max);
    } else if (ending_) {
      break;
    } else {
      // One that is refused for what it is must not hold up the others.
      const bool is_of_one = written.error().retry == Retry::never;
      if (is_of_one && jobs.size() == 1)
        put_behind(std::move(jobs.front()));
      else
        put_back(std::move(jobs));
      if (is_of_one) most = 1;
      trouble(written.error());
      ++failures;
      const auto pause = std::max(pause_min, endless_pause_after(retry_, failures, *host_.entropy));
      if (!is_of_one || failures > 1) changed_.wait_for(lock, pause, [&] { return ending_; });
    }
    rested_.notify_all();
  }
  ended_ = true;
  rested_.notify_all();
}

/// Those of the first one's partition, in their order; under the lock.
std::vector<DeadJob> DeadWriter::take(std::size_t most) {
  std::vector<DeadJob> jobs;
  std::size_t bytes = 0;
  const auto* source = jobs_.front().source;
  const auto partition = jobs_.front().partition;
  const auto generation = jobs_.front().generation;
  auto kept = jobs_.begin();
  auto at = jobs_.begin();
  for (; at != jobs_.end() && jobs.size() < most && bytes < batch_bytes_max; ++at) {
    if (at->source == source && at->partition == partition && at->generation == generation) {
      if (at->task != nullptr) bytes += size_bytes(at->task->delivery.envelope);
      jobs.push_back(std::move(*at));
    } else {
      if (kept != at) *kept = std::move(*at);
      ++kept;
    }
  }
  jobs_.erase(kept, at);
  return jobs;
}

void DeadWriter::put_back(std::vector<DeadJob> jobs) {
  jobs_.insert(jobs_.begin(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
}

/// Behind all others, with what comes after it of its key.
void DeadWriter::put_behind(DeadJob job) {
  const auto belongs = [&](const DeadJob& other) {
    return other.source == job.source && other.partition == job.partition &&
           (other.kind == DeadJob::Kind::note || job.kind == DeadJob::Kind::note ||
            (job.place.ordered && other.place.ordered && other.place.key == job.place.key));
  };
  const auto rest = std::ranges::stable_partition(jobs_, [&](const DeadJob& other) { return !belongs(other); });
  jobs_.insert(rest.begin(), std::move(job));
}

Result<> DeadWriter::write(std::vector<DeadJob>& jobs) {
  drop_lost(jobs);
  if (jobs.empty()) return {};
  if (auto there = topic_.create(jobs.front().source->broker_topic); !there) return there.error();
  Batch batch;
  if (auto filled = fill(batch, jobs); !filled) return filled;
  batch.apart.resize(batch.events.size());
  auto published = topic_.publish(jobs.front().partition, batch.events, batch.apart);
  if (!published) return published.error();
  finish(batch, jobs, *published);
  return {};
}

/// What is another member's now comes again there.
void DeadWriter::drop_lost(std::vector<DeadJob>& jobs) {
  {
    const std::scoped_lock lock(shelf_.mutex);
    const auto& first = jobs.front();
    if (shelf_.find(*first.source, first.partition, first.generation) != nullptr) return;
  }
  std::vector<Task*> tasks;
  for (const auto& job : jobs) {
    if (job.task == nullptr) continue;
    job.task->dropped = true;
    tasks.push_back(job.task);
  }
  jobs.clear();
  if (!tasks.empty()) written_(tasks);
}

Result<> DeadWriter::fill(Batch& batch, const std::vector<DeadJob>& jobs) {
  const auto& first = jobs.front();
  const auto& topic = first.source->broker_topic;
  const auto add = [&](auto event) -> Result<> {
    auto made = topic_.envelope(event);
    if (!made) return made.error();
    batch.events.push_back(batch.ours.emplace_back(std::move(*made)).view());
    return {};
  };
  {
    const std::scoped_lock lock(shelf_.mutex);
    const auto* held = shelf_.find(*first.source, first.partition, first.generation);
    if (held == nullptr) return Error{"not_owner", "the partition has gone", Retry::same_call};
    batch.hold = held->book.hold();
    batch.announces = !held->is_announced;
  }
  if (batch.announces) {
    if (auto added = add(DeadTaken{topic, first.partition}); !added) return added;
    batch.hold = batch.ours.back().id;
  }
  DeadClosed closed;
  const auto end_closed = [&]() -> Result<> {
    if (closed.redriven.empty() && closed.dropped.empty()) return {};
    auto added = add(closed);
    closed = {};
    return added;
  };
  for (const auto& job : jobs) {
    if (job.kind == DeadJob::Kind::closed) {
      if (closed.request != job.request || closed.redriven.size() + closed.dropped.size() >= closed_max)
        if (auto ended = end_closed(); !ended) return ended;
      closed.topic = topic, closed.partition = job.partition, closed.hold = batch.hold, closed.request = job.request;
      (job.dropped ? closed.dropped : closed.redriven).push_back(job.place);
      batch.event_of.push_back(batch.events.size());
      continue;
    }
    if (auto ended = end_closed(); !ended) return ended;
    batch.event_of.push_back(batch.events.size());
    if (job.kind == DeadJob::Kind::note) {
      batch.events.push_back(job.note->view());
    } else if (job.kind == DeadJob::Kind::failed) {
      const auto& task = *job.task;
      if (auto added = add(DeadFailed{.topic = topic,
                                      .partition = job.partition,
                                      .hold = batch.hold,
                                      .request = job.request,
                                      .place = job.place,
                                      .code = reason_text(task.failure->code),
                                      .reason = reason_text(task.failure->message),
                                      .attempts = task.attempt(),
                                      .time = host_.clock->now()});
          !added)
        return added;
    } else {
      const auto& task = *job.task;
      auto& headers = batch.headers.emplace_back(
          letter_headers(task.delivery.envelope.headers,
                         {.topic = topic,
                          .partition = Partition{job.partition},
                          .offset = task.delivery.id.offset,
                          .group = group_,
                          .hold = batch.hold,
                          .why = task.failure.get(),
                          .attempts = task.is_behind ? 0 : task.attempt(),
                          .time = host_.clock->now(),
                          .ordered = task.ordered,
                          .follows = task.is_behind ? std::optional<Offset>(Offset{task.behind}) : std::nullopt}));
      auto& event = batch.events.emplace_back(task.delivery.envelope);
      event.headers = headers.view();
      // An event may be parked again under its id: after a seek, by a new owner, or where it stands in the topic twice.
      batch.apart.resize(batch.events.size());
      batch.apart.back() = batch.hold + "/" + std::to_string(task.delivery.id.offset.value);
    }
  }
  return end_closed();
}

void DeadWriter::finish(Batch& batch, const std::vector<DeadJob>& jobs, std::span<const Published> places) {
  const auto& first = jobs.front();
  std::vector<Task*> tasks;
  {
    const std::scoped_lock lock(shelf_.mutex);
    if (auto* held = shelf_.find(*first.source, first.partition, first.generation)) {
      auto& book = held->book;
      const auto before = book.remembered();
      if (batch.announces) {
        held->is_announced = true;
        book.read(DeadTaken{}, batch.hold);
      }
      for (std::size_t at = 0; at < jobs.size(); ++at) {
        if (jobs[at].kind == DeadJob::Kind::letter) book.wrote(places[batch.event_of[at]].offset.value);
        if (jobs[at].kind == DeadJob::Kind::closed) book.close(jobs[at].place, jobs[at].dropped);
      }
      shelf_.add_remembered(before, book.remembered());
    }
  }
  for (const auto& job : jobs) {
    if (job.kind == DeadJob::Kind::letter) ++counted_.parked;
    if (job.kind == DeadJob::Kind::closed && !job.dropped) ++counted_.redriven;
    if (job.task == nullptr) continue;
    tell(job);
    tasks.push_back(job.task);
  }
  if (!tasks.empty()) written_(tasks);
}

void DeadWriter::tell(const DeadJob& job) const {
  const auto& task = *job.task;
  const auto& envelope = task.delivery.envelope;
  const auto event =
      "event " + shown(envelope.id) + " (key '" + shown(envelope.key) + "') of " + job.source->broker_topic;
  if (task.is_behind)
    return host_.say(LogLevel::debug, name_ + " parked " + event + " behind the one at offset " +
                                          std::to_string(task.behind) + " in " + topic_.name());
  host_.say(LogLevel::warning, name_ + (job.kind == DeadJob::Kind::failed ? " drove " : " parked ") + event +
                                   (job.kind == DeadJob::Kind::failed ? " again, in vain; it stays in " : " in ") +
                                   topic_.name() + " after " + std::to_string(task.attempt()) +
                                   (task.attempt() == 1 ? " attempt: " : " attempts: ") +
                                   printable(to_string(*task.failure)));
}

void DeadWriter::trouble(const Error& why) {
  const auto times = troubles_.tell(why.code, host_.clock->steady_now());
  if (!times) return;
  host_.say(why.retry == Retry::never ? LogLevel::error : LogLevel::warning,
            name_ + " could not park the event in " + topic_.name() + ": " + printable(to_string(why)) +
                "; trying again" + times_text(*times));
}

}  // namespace tidings::service
