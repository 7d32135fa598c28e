#include "service/turns.hpp"

#include <algorithm>
#include <deque>

#include "service/backoff.hpp"
#include "service/claims.hpp"
#include "service/log_fields.hpp"
#include "service/refusals.hpp"
#include "service/sealing.hpp"
#include "service/shown.hpp"
#include "service/tracing.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration pause_min = 10ms;     // before publishing or parking is tried again
constexpr Duration pause_longest = 2s;   // that is cheap while the medium is away, and soon once it is back
constexpr Duration suspect_wait = 20ms;  // before it is seen again whether another of them has come to an end

}  // namespace

Turns::Turns(Host& host, std::string name, std::string group, Parking& parking, const HandlerOptions& options,
             detail::Handler& handler, Effects* effects, const HandlerMeasures* measures)
    : host_(host),
      name_(std::move(name)),
      group_(std::move(group)),
      parking_(parking),
      retry_(options.retry),
      handler_(handler),
      effects_(effects),
      measures_(measures),
      overruns_(options.deadline, *host.clock, host.stop.get_token()) {}

Turns::Report Turns::run(Lanes::Turn& turn, Consumer* consumer, bool is_probe) {
  Report report;
  report.is_probe = is_probe;
  if (turn.size == 1)
    report.due =
        turn.first->dropped ? std::nullopt : run_stages(*turn.first, turn.first->again ? nullptr : consumer, report);
  else if (turn.first->together > 1)
    report.due = send_together(turn);
  else
    report.due = run_together(turn, consumer, report);
  std::size_t handled = 0;
  for (auto* task = turn.first; task != nullptr; task = task->next) {
    if (task->settled && task->outcome == Outcome::handled && !task->again) ++handled;
    const bool is_over = task->settled || task->dropped || task->stage == Task::Stage::parking;
    if (is_over && (task->failures > 0 || task->waits > 0)) failed_.forget(*task);
  }
  if (handled > 0) counted_.handled += handled;
  if (host_.tracing != nullptr) tell_delivered(turn);
  return report;
}

void Turns::watch() {
  overruns_.check([&](const Task& task) {
    host_.say(LogLevel::warning,
              name_ + " runs beyond its deadline on event " + shown(task.delivery.envelope.id) + " (key '" +
                  shown(task.delivery.envelope.key) + "'), attempt " + std::to_string(task.attempt()) +
                  "; it is asked to end",
              EventFields(task, name_));
  });
}

/// Before each attempt: an event may expire while it waits.
bool Turns::has_expired(Task& task) {
  // Who drives a dead letter again wants it handled.
  if (task.again || task.expires == TimePoint::max() || host_.clock->now() < task.expires) return false;
  ++counted_.expired;
  task.outcome = Outcome::expired;
  task.settled = true;
  return true;
}

bool Turns::may_be_handled(const Task& task) {
  return !task.dropped && !task.settled && task.stage == Task::Stage::handle;
}

/// Those that a batch has left over, in their order.
void Turns::tell_begin(const Task* first, Consumer* consumer) {
  if (consumer == nullptr) return;
  std::vector<Attempt> attempts;
  for (const auto* task = first; task != nullptr; task = task->next)
    if (may_be_handled(*task)) attempts.push_back({task->delivery.id, task->attempt()});
  consumer->begin(attempts);
}

/// Whether no attempt is left, after all that processes died in. One may have been another's fault, which ran beside
/// it; from then on it has run with no other that is suspected.
bool Turns::has_crashed_too_often(const Task& task) {
  const auto lost = task.delivery.lost;
  return lost > 1 && task.failures == 0 && !pause_after(retry_, lost, *host_.entropy);
}

std::optional<SteadyTime> Turns::run_stages(Task& task, Consumer* consumer, Report& report) {
  // Of a type that is no longer taken.
  if (task.again && task.outcome == Outcome::skipped) task.settled = true;
  while (!task.settled) {
    switch (task.stage) {
      case Task::Stage::handle: {
        if (has_expired(task)) return std::nullopt;
        if (const auto due = parking_.admit(task)) return due;
        if (task.settled || task.dropped) return std::nullopt;
        if (task.stage != Task::Stage::handle) break;
        if (has_crashed_too_often(task)) {
          task.delivery.attempt = task.delivery.lost;  // no other is made
          park_later(task,
                     {"crashed", "its handler did not come to an end in any attempt: the process died, or was ended"});
          break;
        }
        std::unique_lock alone(suspects_, std::defer_lock);
        // Its key waits, the worker goes on: the other may be one that hangs.
        if (task.delivery.lost > 0 && !alone.try_lock()) return host_.clock->steady_now() + suspect_wait;
        if (consumer != nullptr) {
          const Attempt one{task.delivery.id, task.attempt()};
          consumer->begin({&one, 1});
        }
        Publications publications(*host_.publisher);
        bool is_trouble = false;
        const auto result = attempt(&task, 1, publications, is_trouble);
        if (task.stage == Task::Stage::park) break;
        if (!result && is_trouble) return pause(task, "have its effects committed", result.error());
        if (!result) {
          const auto due = failed(task, result.error(), report);
          // The next attempt is another turn, also where it is to follow at once: what holds back any attempt, a pause,
          // a limit, a breaker, holds back that one too.
          if (task.stage == Task::Stage::handle) return due;
          break;
        }
        ++report.succeeded;
        if (consumer != nullptr) consumer->end({&task.delivery.id, 1});
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
        if (!sent && !is_of_the_event(sent.error())) return pause(task, "publish what it published", sent.error());
        if (!sent) {
          park_later(task, {sent.error().code, "its publications were refused: " + sent.error().message});
          break;
        }
        task.publications.reset();
        task.settled = true;
        return std::nullopt;
      }
      case Task::Stage::park: {
        if (const auto room = parking_.room(task); !room)
          return pause(task, "park the event in " + parking_.topic(), room.error());
        task.stage = Task::Stage::parking;
        return std::nullopt;
      }
      case Task::Stage::parking:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

/// A first attempt at a batch. When it fails, its events come again one at a time.
std::optional<SteadyTime> Turns::run_together(Lanes::Turn& turn, Consumer* consumer, Report& report) {
  for (auto* task = turn.first; task != nullptr; task = task->next) {
    if (task->dropped || has_expired(*task)) continue;
    if (const auto due = parking_.admit(*task)) return due;
  }
  tell_begin(turn.first, consumer);
  Publications publications(*host_.publisher);
  bool is_trouble = false;
  const auto result = attempt(turn.first, turn.size, publications, is_trouble);
  if (!result && is_trouble) return pause(*turn.first, "have its effects committed", result.error());
  if (!result) {
    ++counted_.failed;
    if (is_tried_again(retry_, result.error())) {
      ++report.failed;
      report.why = to_string(result.error());
    }
    host_.say(LogLevel::debug, name_ + " failed on a batch of " + std::to_string(turn.size) + ": " +
                                   printable(to_string(result.error())) + "; its events come one at a time");
    come_alone(turn, result.error());
    return std::nullopt;
  }
  const auto good = [](const Task& task) { return may_be_handled(task) && !task.alone; };
  if (consumer != nullptr)
    for (auto* task = turn.first; task != nullptr; task = task->next)
      if (good(*task)) consumer->end({&task->delivery.id, 1});
  if (publications.empty()) {
    for (auto* task = turn.first; task != nullptr; task = task->next) {
      if (!good(*task)) continue;
      task->settled = true;
      ++report.succeeded;
    }
    return std::nullopt;
  }
  // The good ones go before those that will be parked, so that they stay together until their publications are out.
  std::vector<Task*> tasks, others;
  for (auto* task = turn.first; task != nullptr; task = task->next) (good(*task) ? tasks : others).push_back(task);
  const auto together = tasks.size();
  report.succeeded += together;
  tasks.insert(tasks.end(), others.begin(), others.end());
  for (std::size_t at = 0; at < tasks.size(); ++at) tasks[at]->next = at + 1 < tasks.size() ? tasks[at + 1] : nullptr;
  turn.first = tasks.front();
  for (std::size_t at = 0; at < together; ++at) tasks[at]->stage = Task::Stage::publish;
  turn.first->together = together;
  turn.first->publications = std::make_unique<Publications>(std::move(publications));
  return send_together(turn);
}

std::optional<SteadyTime> Turns::send_together(Lanes::Turn& turn) {
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
  if (!sent && !is_of_the_event(sent.error())) return pause(head, "publish what it published", sent.error());
  if (!sent) {
    ++counted_.failed;
    for (auto* task = turn.first; task != nullptr; task = task->next) again(*task);
    come_alone(turn, sent.error());
    return std::nullopt;
  }
  for (auto* task = turn.first; task != nullptr; task = task->next)
    task->settled = task->settled || task->stage == Task::Stage::publish;
  head.publications.reset();
  return std::nullopt;
}

void Turns::come_alone(Lanes::Turn& turn, const Error& why) {
  const auto now = host_.clock->now();
  for (auto* task = turn.first; task != nullptr; task = task->next) {
    task->alone = true;
    if (task->stage == Task::Stage::handle) {
      failed_.add(*task, why, now, std::nullopt);
      ++task->failures;
      ++counted_.retried;
    }
  }
}

Context::Place Turns::place_of(const Task& task) {
  return {.topic = task.source->topic,
          .partition = task.delivery.id.partition,
          .offset = task.delivery.id.offset,
          .attempt = task.attempt(),
          .redriven = task.again};
}

/// The event with its payload, if that waits in a folder; a handler that does not decode gets it as it came.
Result<> Turns::redeem(Task& task, EnvelopeView& view) {
  view = task.delivery.envelope;
  if (!handler_.decodes() || !Claims::is_ticket(view)) return {};
  if (!task.claimed) {
    auto payload = host_.claims->redeem(view);
    if (!payload) return payload.error();
    task.claimed = std::make_unique<std::string>(std::move(*payload));
  }
  view.payload = *task.claimed;
  return {};
}

/// The event as its handler decodes it, if it is to have it; what is sealed stays so for the context, and for a handler
/// that does not decode.
Result<EnvelopeView> Turns::open(const EnvelopeView& view, std::string& opened) const {
  if (!handler_.decodes()) return view;
  return host_.sealing->open(view, opened);
}

/// Hands those of `first` and its followers that are still ours to the user's handler. Those that cannot be decoded go
/// on to be parked.
Result<> Turns::attempt(Task* first, std::size_t size, Publications& publications, bool& is_trouble) {
  if (size == 1) {
    const Overruns::Attempt running(overruns_, *first);
    EnvelopeView view;
    if (auto whole = redeem(*first, view); !whole) return whole;
    std::string opened;
    const auto plain = open(view, opened);
    if (!plain) return plain.error();
    Context context(view, place_of(*first), host_.service, publications, running.stop(), running.until());
    detail::Handler::Item item{.envelope = &*plain,
                               .context = &context,
                               .kind = first->kind,
                               .appended = first->delivery.appended,
                               .undecodable = {}};
    auto result = call_traced(first, 1, {&item, 1}, publications, is_trouble);
    if (item.undecodable) park_later(*first, std::move(*item.undecodable));
    return result;
  }
  const Overruns::Attempt running(overruns_, *first);
  std::deque<EnvelopeView> views;
  std::deque<std::string> opened;
  std::deque<EnvelopeView> plain;
  std::deque<Context> contexts;
  std::vector<detail::Handler::Item> items;
  std::vector<Task*> tasks;
  items.reserve(size);
  tasks.reserve(size);
  for (auto* task = first; task != nullptr; task = task->next) {
    if (!may_be_handled(*task)) continue;
    auto& view = views.emplace_back();
    if (auto whole = redeem(*task, view); !whole) return whole;
    auto had = open(view, opened.emplace_back());
    if (!had) return had.error();
    auto& context =
        contexts.emplace_back(view, place_of(*task), host_.service, publications, running.stop(), running.until());
    items.push_back({.envelope = &plain.emplace_back(*had),
                     .context = &context,
                     .kind = task->kind,
                     .appended = task->delivery.appended,
                     .undecodable = {}});
    tasks.push_back(task);
  }
  if (items.empty()) return {};
  auto result = call_traced(first, size, items, publications, is_trouble);
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (items[at].undecodable) park_later(*tasks[at], std::move(*items[at].undecodable));
    if (items[at].is_behind) tasks[at]->alone = true;  // once it is parked what stands before it
  }
  return result;
}

/// Those that are done with, or go to be parked.
void Turns::tell_delivered(const Lanes::Turn& turn) const {
  for (auto* task = turn.first; task != nullptr; task = task->next)
    if (!task->dropped && (task->settled || task->stage == Task::Stage::parking)) {
      host_.tracing->delivered(*task, name_, group_);
      task->trace.reset();
    }
}

/// In a span of the attempt's own, where traces are on; what it publishes is within it, when it leaves later too.
Result<> Turns::call_traced(Task* first, std::size_t size, std::span<detail::Handler::Item> items,
                            Publications& publications, bool& is_trouble) {
  if (host_.tracing == nullptr) [[likely]]
    return call(items, publications, is_trouble);
  const auto began = host_.tracing->now();
  const auto span = host_.tracing->begin_attempt(first, size);
  const ops::InSpan in(span);
  publications.leave_in(span);
  auto done = call(items, publications, is_trouble);
  host_.tracing->attempted(span, first, size, items, name_, group_, began, done);
  return done;
}

/// A worker is one handler's for all its life.
Result<> Turns::call(std::span<detail::Handler::Item> items, Publications& publications, bool& is_trouble) {
  static thread_local Sampling sampling;
  if (measures_ == nullptr || !sampling.is_due()) return call_with_middleware(items, publications, is_trouble);
  const auto waited = host_.clock->now() - items.front().envelope->time;
  const bool is_first = items.front().context->attempt() == 1;
  const auto began = std::chrono::steady_clock::now();
  auto done = call_with_middleware(items, publications, is_trouble);
  const Duration took = std::chrono::steady_clock::now() - began;
  const auto times = sampling.took(took);
  measures_->duration.observe(seconds(took), times);
  if (is_first) measures_->delay.observe(std::max(seconds(waited), 0.0), times);
  return done;
}

/// The user's handler, with what he has put around it.
Result<> Turns::call_with_middleware(std::span<detail::Handler::Item> items, Publications& publications,
                                     bool& is_trouble) {
  if (host_.middleware.empty()) [[likely]]
    return call_handler(items, publications, is_trouble);
  const std::function<Result<>()> handle = [&] { return call_handler(items, publications, is_trouble); };
  return MiddlewareCall(host_.middleware, name_, items, publications, handle).next();
}

Result<> Turns::call_handler(std::span<detail::Handler::Item> items, Publications& publications, bool& is_trouble) {
  is_trouble = false;
  if (effects_ == nullptr) [[likely]]
    return guarded([&] { return handler_.handle(items, nullptr); });
  auto done = effects_->run(
      items, publications,
      [&](Effects::Items fresh, Transaction& tx) { return guarded([&] { return handler_.handle(fresh, &tx); }); },
      is_trouble);
  if (!done && handler_.waits_after(done.error())) is_trouble = true;
  return done;
}

/// An attempt has failed: when to try again, unless the event is to be parked now; none: at once. One that only showed
/// that a circuit breaker stays open uses up nothing.
std::optional<SteadyTime> Turns::failed(Task& task, const Error& error, Report& report) {
  ++counted_.failed;
  const bool again = is_tried_again(retry_, error);
  if (again) {
    ++report.failed;
    report.why = to_string(error);
  }
  if (again && report.is_probe) return std::nullopt;
  const auto wait = !again ? std::nullopt : pause_after(retry_, task.delivery.lost + task.failures + 1, *host_.entropy);
  if (!wait) {
    park_later(task, error);
    return std::nullopt;
  }
  host_.say(LogLevel::debug,
            name_ + " failed on event " + shown(task.delivery.envelope.id) + ", attempt " +
                std::to_string(task.attempt()) + ": " + printable(to_string(error)) + "; trying again in " +
                to_text(*wait),
            EventFields(task, name_));
  const auto now = host_.clock->now();
  failed_.add(task, error, now, now + *wait);
  ++task.failures;
  ++counted_.retried;
  return *wait > Duration::zero() ? std::optional(host_.clock->steady_now() + *wait) : std::nullopt;
}

void Turns::park_later(Task& task, Error why) {
  task.failure = std::make_unique<Error>(std::move(why));
  task.publications.reset();
  task.stage = Task::Stage::park;
  task.alone = true;
}

/// Infrastructure failed: the key waits as long as it takes.
std::optional<SteadyTime> Turns::pause(Task& task, std::string_view what, const Error& error) {
  const auto wait =
      std::clamp<Duration>(endless_pause_after(retry_, ++task.waits, *host_.entropy), pause_min, pause_longest);
  const auto now = host_.clock->steady_now();
  failed_.add(task, {error.code, "it could not " + std::string(what) + ": " + error.message}, host_.clock->now(),
              host_.clock->now() + wait);
  auto cause = std::string(what) + " " + error.code;
  if (task.publications) cause.append(" ").append(task.publications->next_topic());
  const auto times = troubles_.tell(cause, now);
  if (!times) return now + wait;
  const auto level = error.retry == Retry::never ? LogLevel::error : LogLevel::warning;  // without help it stays so
  host_.say(level,
            name_ + " could not " + std::string(what) + ": " + printable(to_string(error)) + "; trying again in " +
                to_text(std::chrono::ceil<std::chrono::milliseconds>(wait)) + times_text(*times),
            EventFields(task, name_));
  return now + wait;
}

}  // namespace tidings::service
