#include "service/outgoing.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <vector>

#include "service/measures.hpp"
#include "service/shown.hpp"
#include "service/tracing.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

constexpr Duration look_for_delays_every = std::chrono::seconds{10};
constexpr Duration ask_again_after = std::chrono::seconds{2};

Result<> done(const Result<std::vector<Published>>& published) {
  return published ? Result<>{} : published.error();
}

}  // namespace

Result<> Outgoing::open(std::unique_ptr<Broker> schedule) {
  schedule_broker_ = std::move(schedule);
  if (schedule_broker_ && !schedule_broker_->capabilities().delays)
    return Error{"invalid_url", "schedule.broker keeps nothing for later; take a log:, as log:./schedule"};
  auto* const own = host_.broker->capabilities().delays ? host_.broker : nullptr;
  delays_.emplace(host_, schedule_broker_ ? schedule_broker_.get() : own);
  mover_.emplace(host_, *delays_, [this](std::string_view topic, std::span<const EnvelopeView> events) {
    const Untraced passed_on;
    return pass_on(topic, events, {});
  });
  return {};
}

void Outgoing::look_after_delays(SteadyTime now) {
  if (now - looked_for_delays_ < look_for_delays_every) return;
  looked_for_delays_ = now;
  if (mover_->is_needed()) mover_->start();
}

void Outgoing::close() {
  mover_->stop();
  if (schedule_broker_) (void)schedule_broker_->close(Duration::zero());
}

Result<> Outgoing::check(std::string_view topic, const EnvelopeView& event) {
  const auto most = bytes_max(in_namespace(host_.name_space, topic));
  if (auto fine = may_wait(event); !fine) return fine;
  return claims_.wanted(event) ? validate(claims_.ticket(event).view(), most) : validate(event, most);
}

/// A payload in a folder must be there still when its event is due.
Result<> Outgoing::may_wait(const EnvelopeView& event) const {
  if (!claims_.wanted(event)) return {};
  const auto due = Delays::due_of(event);
  return due ? claims_.may_wait(*due) : Result<>{};
}

Result<> Outgoing::publish(std::string_view topic, std::span<const EnvelopeView> events,
                           const PublishOptions& options) {
  const auto wanted = [&](const EnvelopeView& event) { return sealing_.must_seal(event); };
  if (std::ranges::none_of(events, wanted)) return pass_on(topic, events, options);
  std::deque<Envelope> sealed;
  std::vector<EnvelopeView> leaving;
  for (const auto& event : events) {
    if (!wanted(event)) {
      leaving.push_back(event);
      continue;
    }
    if (auto done = sealing_.seal(sealed.emplace_back(event)); !done) return done;
    leaving.push_back(sealed.back().view());
  }
  return pass_on(topic, leaving, options);
}

Result<> Outgoing::pass_on(std::string_view topic, std::span<const EnvelopeView> events,
                           const PublishOptions& options) {
  const auto name = in_namespace(host_.name_space, topic);
  const auto is_plain = [&](const EnvelopeView& event) { return !claims_.wanted(event) && !Delays::due_of(event); };
  if (std::ranges::all_of(events, is_plain)) return send(name, topic, events, options);
  std::deque<Envelope> changed;
  std::vector<EnvelopeView> now;
  std::vector<EnvelopeView> later;
  for (const auto& event : events)
    if (auto fine = may_wait(event); !fine) return fine;
  for (auto view : events) {
    if (claims_.wanted(view)) {
      if (auto kept = claims_.deposit(view); !kept) return kept;
      view = changed.emplace_back(claims_.ticket(view)).view();
    }
    const auto due = Delays::due_of(view);
    const bool waits = due && *due > host_.clock->now();
    if (waits)  // what its topic can never take is told to who publishes it
      if (auto fine = validate(Delays::without_marks(view).view(), bytes_max(name)); !fine) return fine;
    if (due && !waits) view = changed.emplace_back(Delays::without_marks(view)).view();
    (waits ? later : now).push_back(view);
  }
  if (!later.empty()) {
    const auto began = host_.tracing != nullptr ? host_.tracing->now() : TimePoint{};
    const auto put = delays_->put(topic, later);
    if (host_.tracing != nullptr) host_.tracing->published(Tracing::Operation::create, topic, later, began, put);
    if (!put) return put;
    mover_->start();
  }
  return now.empty() ? Result<>{} : send(name, topic, now, options);
}

/// To the broker; counted and timed.
Result<> Outgoing::send(const std::string& name, std::string_view topic, std::span<const EnvelopeView> events,
                        const PublishOptions& options) {
  if (host_.measures == nullptr && host_.tracing == nullptr) return done(host_.broker->publish(name, events, options));
  static thread_local Sampling sampling;
  const bool is_timed = host_.measures != nullptr && sampling.is_due();
  const auto began_at = host_.tracing != nullptr ? host_.tracing->now() : TimePoint{};
  const auto began = is_timed ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point{};
  const auto published = host_.broker->publish(name, events, options);
  if (is_timed) {
    const Duration took = std::chrono::steady_clock::now() - began;
    host_.measures->publish_duration.observe(seconds(took), sampling.took(took));
  }
  if (host_.tracing != nullptr)
    host_.tracing->published(Tracing::Operation::send, topic, events, began_at, done(published));
  count(topic, events.size(), published);
  return done(published);
}

void Outgoing::count(std::string_view topic, std::size_t events,
                     const Result<std::vector<tidings::Published>>& published) {
  if (host_.measures == nullptr) return;
  if (published)
    host_.measures->published.of(topic).add(events);
  else
    host_.measures->publish_failures.of(published.error().code).add();
}

/// A payload that waits in a folder is put there before the commit: without it nobody asks for it.
Result<> Outgoing::publish_with(Transaction& tx, std::string_view topic, std::span<const EnvelopeView> events) {
  const auto name = in_namespace(host_.name_space, topic);
  if (host_.tracing != nullptr) {
    const auto now = host_.tracing->now();  // of the statements, which wait for one another, nothing is known
    host_.tracing->published(Tracing::Operation::create, topic, events, now, {});
  }
  for (auto view : events) {
    Envelope changed;
    if (auto fine = may_wait(view); !fine) return fine;
    if (claims_.wanted(view)) {
      if (auto kept = claims_.deposit(view); !kept) return kept;
      changed = claims_.ticket(view);
      view = changed.view();
    }
    outbox::EnqueueOptions options{.event_bytes_max = bytes_max(name)};
    const auto due = Delays::due_of(view);
    if (!due) {
      if (auto put = outbox::enqueue_envelope(tx, topic, view, options); !put) return put;
      continue;
    }
    if (*due <= host_.clock->now()) {
      changed = Delays::without_marks(view);
      if (auto put = outbox::enqueue_envelope(tx, topic, changed.view(), options); !put) return put;
      continue;
    }
    if (auto fine = validate(Delays::without_marks(view).view(), bytes_max(name)); !fine) return fine;
    auto waiting = delays_->waiting(topic, view);
    if (!waiting) return waiting.error();
    options.takes_due = true;
    if (auto put = outbox::enqueue_envelope(tx, waiting->topic, waiting->event.view(), options); !put) return put;
    tx.after_commit(this, [this] { mover_->start(); });
  }
  return {};
}

void Outgoing::reply_refused(std::string_view topic, const Error& why) {
  const auto times = replies_.tell("reply " + why.code, host_.clock->steady_now());
  if (!times) return;
  host_.say(LogLevel::warning, "a request wants its reply on '" + shown(topic) +
                                   "', and gets none: " + shown(why.message) + times_text(*times));
}

/// What publishes into the topic are limited to. A topic that is not there yet will get the default.
std::size_t Outgoing::bytes_max(const std::string& topic) {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = bytes_max_.find(topic); known != bytes_max_.end()) return known->second;
  }
  const auto fallback = TopicOptions{}.event_bytes();
  const SteadyTime now = std::chrono::steady_clock::now();
  {
    const std::scoped_lock lock(mutex_);
    if (now < ask_again_) return fallback;
  }
  const auto info = host_.broker->topic(topic);
  const std::scoped_lock lock(mutex_);
  if (info) return bytes_max_[topic] = info->event_bytes_max;
  // A server that is away would hold up every worker that publishes, for as long as the answer is waited for.
  if (info.error().code != "unknown_topic") ask_again_ = SteadyTime{std::chrono::steady_clock::now()} + ask_again_after;
  return fallback;
}

}  // namespace tidings::service
