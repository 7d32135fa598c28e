// What a handling's workers do: they take turns, and settle what is done with.
#include <algorithm>
#include <optional>
#include <utility>

#include "service/handling.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t settle_at_once_max = 128;  // so many wait for one another while workers are busy
constexpr Duration idle_wait = 30s;
constexpr Duration manual_clock_wait = 2ms;  // a clock that is set by hand tells nobody that it moved

/// As `turn.first`, those of `tasks` that are left.
template <class Keep>
void relink(Lanes::Turn& turn, Keep keep) {
  Task** link = &turn.first;
  while (*link != nullptr) {
    auto* task = *link;
    auto* next = task->next;
    if (keep(*task))
      link = &task->next;
    else
      *link = next;
  }
}

}  // namespace

void Handling::work_loop(Worker& worker) {
  // What kept the events of the last turn. It goes without the lock, which may take long, but not while `runs` still
  // names one of them.
  std::vector<std::shared_ptr<const void>> spent;
  const auto batch_max = std::max<std::size_t>(options_.batch_max, 1);
  const bool gathers = handler_->takes_batches() && options_.batch_wait > Duration::zero();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool plain = gate_.is_plain();
    const auto now = !plain || gathers || lanes_.next_due() ? host_.clock->steady_now() : SteadyTime{};
    if (lanes_.next_due()) lanes_.wake(now);
    const auto opening =
        plain ? Gate::Opening{.events = batch_max, .next = {}} : gate_.opening(now, lanes_.next_size(now));
    if (auto turn = opening.events == 0 ? std::nullopt : lanes_.take(opening.events, now)) {
      const bool is_probe = !plain && gate_.is_broken();
      if (!plain) gate_.began(turn->size, now);
      for (auto* task = turn->first; task != nullptr; task = task->next)
        task->dropped = task->source->lost(task->delivery.id);
      if (lanes_.ready() == 0) {
        for (const auto& each : sources_)
          if (each->waiting_for_room) room_.notify_all();
      }
      worker.runs = turn->first;
      const auto& source = *turn->first->source;  // all of a turn are of one
      if (is_remembered_ && worker.consumer != source.consumer) worker.consumer = source.consumer;
      lock.unlock();
      spent.clear();
      const auto report = turns_.run(*turn, worker.consumer.get(), is_probe);
      lock.lock();
      if (!plain) {
        if (const auto change = gate_.ended(report.succeeded, report.failed, host_.clock->steady_now());
            change != Gate::Change::none)
          note(report, change);
      }
      worker.runs = nullptr;
      if (worker.consumer != source.consumer) worker.consumer.reset();
      absorb(*turn, report.due, spent);
      std::size_t unsettled = 0;
      for (const auto& each : sources_) unsettled = std::max(unsettled, each->unsettled());
      if (unsettled >= settle_at_once_max && settling_.has_any(sources_))
        flush(lock);
      else if (unsettled > 0 && lanes_.ready() > 0)
        wants_flush_();
      continue;
    }
    if (settling_.has_any(sources_)) {
      flush(lock);
      continue;
    }
    if (!spent.empty()) {
      lock.unlock();
      spent.clear();
      lock.lock();
      continue;
    }
    worker.consumer.reset();
    sleep(lock, opening.events == 0 ? opening.next : lanes_.next_due());
  }
  worker.consumer.reset();
  --alive_;
  ended_.notify_all();
}

/// The circuit breaker has opened or closed; under the lock.
void Handling::note(const Turns::Report& report, Gate::Change change) {
  if (change == Gate::Change::closed) {
    work_.notify_all();
    return host_.say(LogLevel::info, name_ + " succeeds again, and goes on");
  }
  host_.say(LogLevel::warning, name_ + " pauses: " + std::to_string(gate_.failed()) + " of its last " +
                                   std::to_string(gate_.attempts()) + " attempts failed, the last with " +
                                   printable(report.why) + "; one event is tried in " + to_text(gate_.pause()) +
                                   ", the others wait");
}

void Handling::sleep(std::unique_lock<std::mutex>& lock, std::optional<SteadyTime> due) {
  auto wait = idle_wait;
  if (due) {
    wait = std::clamp<Duration>(*due - host_.clock->steady_now(), Duration::zero(), idle_wait);
    if (host_.clock != &system_clock()) wait = std::min(wait, manual_clock_wait);
  }
  ++idle_;
  work_.wait_for(lock, wait);
  --idle_;
}

/// The turn is over; under the lock. What kept its events goes into `spent`.
void Handling::absorb(Lanes::Turn& turn, std::optional<SteadyTime> due,
                      std::vector<std::shared_ptr<const void>>& spent) {
  relink(turn, [&](Task& task) {
    auto& source = *task.source;
    if (!task.dropped && task.stage == Task::Stage::parking) {
      if (parking_.take(task)) return false;
      task.dropped = true;
    }
    if (task.settled && task.again) {
      parking_.driven(task);
    } else if (task.settled) {
      source.done(task.outcome).push_back(task.delivery.id);
    } else if (task.dropped && task.again) {
      parking_.gave_up(task);
    } else if (task.dropped) {
      source.held -= std::min<std::size_t>(source.held, 1);
    } else {
      return true;
    }
    spent.push_back(std::move(task.delivery.owner));
    lanes_.recycle(task);
    return false;
  });
  const bool left_several = turn.first != nullptr && turn.first->next != nullptr && handler_->mixes_keys();
  lanes_.give_back(turn, due);
  if (due && idle_ > 0) work_.notify_one();  // to wake in time
  if (left_several && idle_ > 0) work_.notify_all();
}

// What is settled.

void Handling::flush() {
  std::unique_lock lock(mutex_);
  flush(lock);
}

void Handling::flush(std::unique_lock<std::mutex>& lock) {
  settling_.flush(sources_, lock);
  for (const auto& source : sources_)
    if (source->waiting_for_room) room_.notify_all();
}

void Handling::extend() {
  for (auto& source : sources_) {
    std::vector<DeliveryId> ids;
    std::shared_ptr<Consumer> consumer;
    {
      const std::scoped_lock lock(mutex_);
      lanes_.for_each([&](const Task& task) {
        if (task.source == source.get() && !task.again && !source->lost(task.delivery.id))
          ids.push_back(task.delivery.id);
      });
      ids.insert(ids.end(), source->handled.begin(), source->handled.end());
      ids.insert(ids.end(), source->parked.begin(), source->parked.end());
      ids.insert(ids.end(), source->expired.begin(), source->expired.end());
      consumer = source->consumer;
    }
    if (ids.empty()) continue;
    if (auto extended = consumer->extend(ids); !extended)
      host_.say(LogLevel::debug,
                name_ + " could not keep " + std::to_string(ids.size()) + " events: " + to_string(extended.error()));
  }
}

}  // namespace tidings::service
