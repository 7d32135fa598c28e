#include "service/dead_writer.hpp"

#include <algorithm>

#include "service/backoff.hpp"
#include "service/log_fields.hpp"
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
                       const Backoff& retry, std::function<std::vector<std::string>()> origins,
                       std::function<void(std::span<Task* const>)> written)
    : host_(host),
      topic_(topic),
      shelf_(shelf),
      name_(std::move(name)),
      group_(std::move(group)),
      retry_(retry),
      origins_(std::move(origins)),
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
  auto& queue = queues_[{job.source, job.partition}];
  queue.jobs.push_back(std::move(job));
  ++queue.added;
  if (!thread_.joinable() && !ending_) {
    ended_ = false;
    thread_ = std::thread([this] { loop(); });
  }
  changed_.notify_one();
}

bool DeadWriter::wait_until_few(std::span<const Place> of, std::size_t most, Duration wait_max) {
  std::unique_lock lock(mutex_);
  return rested_.wait_for(lock, wait_max, [&] {
    std::uint64_t unwritten = 0;
    for (const auto& place : of)
      if (const auto queue = queues_.find(place); queue != queues_.end())
        unwritten += queue->second.added - queue->second.finished;
    return unwritten <= most;
  });
}

bool DeadWriter::flush(std::span<const Place> of, Duration wait_max) {
  std::unique_lock lock(mutex_);
  std::vector<std::pair<const Queue*, std::uint64_t>> wanted;
  for (const auto& place : of)
    if (const auto queue = queues_.find(place); queue != queues_.end())
      wanted.emplace_back(&queue->second, queue->second.added);
  return rested_.wait_for(lock, wait_max, [&] {
    return std::ranges::all_of(wanted, [](const auto& one) { return one.first->finished >= one.second; });
  });
}

bool DeadWriter::is_in_trouble(const Place& place) const {
  const std::scoped_lock lock(mutex_);
  const auto queue = queues_.find(place);
  return queue != queues_.end() && queue->second.failures > 0 && queue->second.added > queue->second.finished;
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
  std::unique_lock lock(mutex_);
  while (true) {
    auto again = SteadyTime::max();
    auto* const queue = next(std::chrono::steady_clock::now(), again);
    if (queue == nullptr) {
      if (ending_) break;
      if (again == SteadyTime::max())
        changed_.wait(lock);
      else
        changed_.wait_until(lock, again);
      continue;
    }
    auto jobs = take(*queue);
    const auto taken = jobs.size();
    lock.unlock();
    const auto written = write(jobs);
    lock.lock();
    if (written) {
      queue->failures = 0;
      queue->finished += taken;
      queue->most = std::min(queue->most * 2, batch_max);
    } else if (ending_) {
      break;
    } else {
      failed(*queue, std::move(jobs), written.error());
    }
    rested_.notify_all();
  }
  ended_ = true;
  rested_.notify_all();
}

/// Whose turn it is, one after another; null: nobody's, but maybe at `again`. Where all ends those in trouble come
/// last.
DeadWriter::Queue* DeadWriter::next(SteadyTime now, SteadyTime& again) {
  Queue* troubled = nullptr;
  const auto after = queues_.upper_bound(last_);
  auto at = after;
  for (std::size_t looked = 0; looked < queues_.size(); ++looked, ++at) {
    if (at == queues_.end()) at = queues_.begin();
    auto& queue = at->second;
    if (queue.jobs.empty()) continue;
    if (ending_ && queue.failures > 0) {
      troubled = &queue;
    } else if (!ending_ && queue.not_before > now) {
      again = std::min(again, queue.not_before);
    } else {
      last_ = at->first;
      return &queue;
    }
  }
  return troubled;
}

/// They are tried again. One that is refused for what it is must not hold up the others.
void DeadWriter::failed(Queue& queue, std::vector<DeadJob> jobs, const Error& why) {
  const bool is_of_one = why.retry == Retry::never;
  if (is_of_one && jobs.size() == 1)
    put_behind(queue, std::move(jobs.front()));
  else
    queue.jobs.insert(queue.jobs.begin(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
  if (is_of_one) queue.most = 1;
  trouble(why);
  ++queue.failures;
  const auto pause = std::max(pause_min, endless_pause_after(retry_, queue.failures, *host_.entropy));
  if (!is_of_one || queue.failures > 1) queue.not_before = SteadyTime{std::chrono::steady_clock::now()} + pause;
}

/// The next of it, of one hold; under the lock.
std::vector<DeadJob> DeadWriter::take(Queue& queue) {
  std::vector<DeadJob> jobs;
  std::size_t bytes = 0;
  const auto most = queue.most == 0 ? batch_max : queue.most;
  const auto generation = queue.jobs.front().generation;
  while (!queue.jobs.empty() && queue.jobs.front().generation == generation && jobs.size() < most &&
         bytes < batch_bytes_max) {
    auto& job = queue.jobs.front();
    if (job.task != nullptr) bytes += size_bytes(job.task->delivery.envelope);
    jobs.push_back(std::move(job));
    queue.jobs.pop_front();
  }
  return jobs;
}

/// Behind all others, with what comes after it of its key.
void DeadWriter::put_behind(Queue& queue, DeadJob job) {
  const auto belongs = [&](const DeadJob& other) {
    return other.kind == DeadJob::Kind::note || job.kind == DeadJob::Kind::note ||
           (job.place.ordered && other.place.ordered && other.place.key == job.place.key);
  };
  const auto rest = std::ranges::stable_partition(queue.jobs, [&](const DeadJob& other) { return !belongs(other); });
  queue.jobs.insert(rest.begin(), std::move(job));
}

Result<> DeadWriter::write(std::vector<DeadJob>& jobs) {
  drop_lost(jobs);
  if (jobs.empty()) return {};
  if (auto there = topic_.create(origins_()); !there) return there.error();
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
  host_.say(LogLevel::warning,
            name_ + (job.kind == DeadJob::Kind::failed ? " drove " : " parked ") + event +
                (job.kind == DeadJob::Kind::failed ? " again, in vain; it stays in " : " in ") + topic_.name() +
                " after " + std::to_string(task.attempt()) + (task.attempt() == 1 ? " attempt: " : " attempts: ") +
                printable(to_string(*task.failure)),
            EventFields(task, name_));
}

void DeadWriter::trouble(const Error& why) {
  const auto times = troubles_.tell(why.code, host_.clock->steady_now());
  if (!times) return;
  host_.say(why.retry == Retry::never ? LogLevel::error : LogLevel::warning,
            name_ + " could not park the event in " + topic_.name() + ": " + printable(to_string(why)) +
                "; trying again" + times_text(*times));
}

}  // namespace tidings::service
