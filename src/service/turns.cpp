// The second half of Handling: what its workers do.
#include <algorithm>
#include <deque>

#include "service/backoff.hpp"
#include "service/handling.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t settle_at_once_max = 128;  // so many wait for one another while workers are busy
constexpr Duration idle_wait = 30s;
constexpr Duration manual_clock_wait = 2ms;  // a clock that is set by hand tells nobody that it moved
constexpr Duration pause_min = 10ms;         // before publishing or parking is tried again

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
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (lanes_.next_due()) lanes_.wake(host_.clock->steady_now());
    if (auto turn = lanes_.take()) {
      for (auto* task = turn->first; task != nullptr; task = task->next)
        task->dropped = task->source->lost(task->delivery.id);
      if (lanes_.ready() == 0) {
        for (const auto& source : sources_)
          if (source->waiting_for_room) room_.notify_all();
      }
      worker.runs = turn->first;
      lock.unlock();
      spent.clear();
      const auto due = run(*turn);
      lock.lock();
      worker.runs = nullptr;
      absorb(*turn, due, spent);
      std::size_t unsettled = 0;
      for (const auto& source : sources_) unsettled = std::max(unsettled, source->unsettled());
      if (unsettled >= settle_at_once_max && anything_to_settle())
        flush(lock);
      else if (unsettled > 0 && lanes_.ready() > 0)
        wants_flush_();
      continue;
    }
    if (anything_to_settle()) {
      flush(lock);
      continue;
    }
    if (!spent.empty()) {
      lock.unlock();
      spent.clear();
      lock.lock();
      continue;
    }
    sleep(lock, lanes_.next_due());
  }
  --alive_;
  ended_.notify_all();
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
    if (task.settled) {
      (task.outcome == Outcome::parked ? source.parked : source.handled).push_back(task.delivery.id);
    } else if (task.dropped) {
      source.held -= std::min<std::size_t>(source.held, 1);
    } else {
      return true;
    }
    spent.push_back(std::move(task.delivery.owner));
    lanes_.recycle(task);
    return false;
  });
  lanes_.give_back(turn, due);
  if (due && idle_ > 0) work_.notify_one();  // to wake in time
}

std::optional<SteadyTime> Handling::run(Lanes::Turn& turn) {
  std::optional<SteadyTime> due;
  if (turn.size == 1)
    due = turn.first->dropped ? std::nullopt : run_stages(*turn.first);
  else if (turn.first->together > 1)
    due = send_together(turn);
  else
    due = run_together(turn);
  std::size_t handled = 0;
  for (auto* task = turn.first; task != nullptr; task = task->next)
    if (task->settled && task->outcome == Outcome::handled) ++handled;
  if (handled > 0) stats_.handled += handled;
  return due;
}

std::optional<SteadyTime> Handling::run_stages(Task& task) {
  while (true) {
    switch (task.stage) {
      case Task::Stage::handle: {
        Publications publications(*host_.publisher);
        const auto result = attempt(&task, 1, publications);
        if (task.stage == Task::Stage::park) break;
        if (!result) {
          if (const auto due = failed(task, result.error())) return due;
          if (stopping_ && task.stage == Task::Stage::handle) return std::nullopt;  // it comes again elsewhere
          break;
        }
        if (publications.empty()) {
          task.settled = true;
          return std::nullopt;
        }
        task.publications = std::make_unique<Publications>(std::move(publications));
        task.stage = Task::Stage::publish;
        break;
      }
      case Task::Stage::publish: {
        const auto sent = task.publications->send();
        if (!sent && sent.error().retry != Retry::never) return pause(task, "publish what it published", sent.error());
        if (!sent) {
          park_later(task, {sent.error().code, "its publications were refused: " + sent.error().message});
          break;
        }
        task.publications.reset();
        task.settled = true;
        return std::nullopt;
      }
      case Task::Stage::park: {
        if (const auto parked = parking_.park(*task.source, task); !parked)
          return pause(task, "park the event in " + parking_.topic(), parked.error());
        const auto& envelope = task.delivery.envelope;
        host_.say(LogLevel::warning, name_ + " parked event " + printable(envelope.id) + " (key '" +
                                         printable(envelope.key) + "') of " + task.source->broker_topic + " in " +
                                         parking_.topic() + " after " + std::to_string(task.attempt()) +
                                         (task.attempt() == 1 ? " attempt: " : " attempts: ") +
                                         printable(to_string(*task.failure)));
        ++stats_.parked;
        task.outcome = Outcome::parked;
        task.settled = true;
        return std::nullopt;
      }
    }
  }
}

/// A first attempt at a batch. When it fails, its events come again one at a time.
std::optional<SteadyTime> Handling::run_together(Lanes::Turn& turn) {
  Publications publications(*host_.publisher);
  const auto result = attempt(turn.first, turn.size, publications);
  if (!result) {
    ++stats_.failed;
    host_.say(LogLevel::debug, name_ + " failed on a batch of " + std::to_string(turn.size) + ": " +
                                   printable(to_string(result.error())) + "; its events come one at a time");
    come_alone(turn);
    return std::nullopt;
  }
  const auto good = [](const Task& task) { return !task.dropped && task.stage == Task::Stage::handle; };
  if (publications.empty()) {
    for (auto* task = turn.first; task != nullptr; task = task->next) task->settled = good(*task);
    return std::nullopt;
  }
  // The good ones go before those that will be parked, so that they stay together until their publications are out.
  std::vector<Task*> tasks;
  for (auto* task = turn.first; task != nullptr; task = task->next) tasks.push_back(task);
  const auto others = std::ranges::stable_partition(tasks, [&](const Task* task) { return good(*task); });
  const auto together = tasks.size() - others.size();
  for (std::size_t at = 0; at < tasks.size(); ++at) tasks[at]->next = at + 1 < tasks.size() ? tasks[at + 1] : nullptr;
  turn.first = tasks.front();
  for (std::size_t at = 0; at < together; ++at) tasks[at]->stage = Task::Stage::publish;
  turn.first->together = together;
  turn.first->publications = std::make_unique<Publications>(std::move(publications));
  return send_together(turn);
}

std::optional<SteadyTime> Handling::send_together(Lanes::Turn& turn) {
  auto& head = *turn.first;
  const auto again = [&](Task& task) {
    if (task.stage == Task::Stage::publish) task.stage = Task::Stage::handle;
    task.together = 0;
    task.publications.reset();
  };
  for (auto* task = turn.first; task != nullptr; task = task->next) {
    if (!task->dropped || task->stage != Task::Stage::publish) continue;
    // The partition went away meanwhile; what is ours again is handled again.
    for (auto* each = turn.first; each != nullptr; each = each->next) again(*each);
    return std::nullopt;
  }
  const auto sent = head.publications->send();
  if (!sent && sent.error().retry != Retry::never) return pause(head, "publish what it published", sent.error());
  if (!sent) {
    ++stats_.failed;
    for (auto* task = turn.first; task != nullptr; task = task->next) again(*task);
    come_alone(turn);
    return std::nullopt;
  }
  for (auto* task = turn.first; task != nullptr; task = task->next) task->settled = task->stage == Task::Stage::publish;
  head.publications.reset();
  return std::nullopt;
}

void Handling::come_alone(Lanes::Turn& turn) {
  for (auto* task = turn.first; task != nullptr; task = task->next) {
    task->alone = true;
    if (task->stage == Task::Stage::handle) ++task->failures;
  }
}

Context::Place Handling::place_of(const Task& task) {
  return {.topic = task.source->topic,
          .partition = task.delivery.id.partition,
          .offset = task.delivery.id.offset,
          .attempt = task.attempt()};
}

/// Hands those of `first` and its followers that are still ours to the user's handler. Those that cannot be decoded go
/// on to be parked.
Result<> Handling::attempt(Task* first, std::size_t size, Publications& publications) {
  if (size == 1) {
    Context context(first->delivery.envelope, place_of(*first), host_.service, publications, host_.stop.get_token());
    Handler::Item item{
        .envelope = &first->delivery.envelope, .context = &context, .kind = first->kind, .undecodable = {}};
    auto result = guarded({&item, 1});
    if (item.undecodable) park_later(*first, std::move(*item.undecodable));
    return result;
  }
  std::deque<Context> contexts;
  std::vector<Handler::Item> items;
  std::vector<Task*> tasks;
  items.reserve(size);
  tasks.reserve(size);
  for (auto* task = first; task != nullptr; task = task->next) {
    if (task->dropped) continue;
    auto& context = contexts.emplace_back(task->delivery.envelope, place_of(*task), host_.service, publications,
                                          host_.stop.get_token());
    items.push_back({.envelope = &task->delivery.envelope, .context = &context, .kind = task->kind, .undecodable = {}});
    tasks.push_back(task);
  }
  if (items.empty()) return {};
  auto result = guarded(items);
  for (std::size_t at = 0; at < items.size(); ++at)
    if (items[at].undecodable) park_later(*tasks[at], std::move(*items[at].undecodable));
  return result;
}

/// The user's handler, whatever it does.
Result<> Handling::guarded(std::span<Handler::Item> items) {
  try {
    return handler_->handle(items);
  } catch (const ErrorException& thrown) {
    return thrown.error();
  } catch (const std::exception& thrown) {
    return Error{"exception", thrown.what(), Retry::same_call};
  } catch (...) {
    return Error{"exception", "something was thrown that is no std::exception", Retry::same_call};
  }
}

/// An attempt has failed: when to try again. None: at once, or the event is to be parked.
std::optional<SteadyTime> Handling::failed(Task& task, const Error& error) {
  ++stats_.failed;
  const auto wait =
      error.retry == Retry::never ? std::nullopt : pause_after(options_.retry, task.failures + 1, *host_.entropy);
  if (!wait) {
    park_later(task, error);
    return std::nullopt;
  }
  host_.say(LogLevel::debug, name_ + " failed on event " + printable(task.delivery.envelope.id) + ", attempt " +
                                 std::to_string(task.attempt()) + ": " + printable(to_string(error)) +
                                 "; trying again in " + to_text(*wait));
  ++task.failures;
  return *wait > Duration::zero() ? std::optional(host_.clock->steady_now() + *wait) : std::nullopt;
}

void Handling::park_later(Task& task, Error why) {
  task.failure = std::make_unique<Error>(std::move(why));
  task.publications.reset();
  task.stage = Task::Stage::park;
  task.alone = true;
}

/// Infrastructure failed: the key waits as long as it takes.
std::optional<SteadyTime> Handling::pause(Task& task, std::string_view what, const Error& error) {
  const auto wait = std::max(pause_min, endless_pause_after(options_.retry, ++task.waits, *host_.entropy));
  host_.say(LogLevel::warning, name_ + " could not " + std::string(what) + ": " + printable(to_string(error)) +
                                   "; trying again in " + to_text(std::chrono::ceil<std::chrono::milliseconds>(wait)));
  return host_.clock->steady_now() + wait;
}

}  // namespace tidings::service
