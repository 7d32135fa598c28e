#pragma once

#include <stop_token>
#include <string_view>
#include <utility>

#include "tidings/base/strong.hpp"
#include "tidings/base/time.hpp"
#include "tidings/event/detail/event_check.hpp"
#include "tidings/event/detail/outlet.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/event/event_type.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings {

/// The header of a request with the topic on which its reply is awaited, and that of a reply with the request's id.
inline constexpr std::string_view reply_topic_header = "tidings-reply-topic";
inline constexpr std::string_view reply_to_header = "tidings-reply-to";

/// The header of an event that is to be published later, with the time, RFC 3339.
inline constexpr std::string_view due_header = "tidings-due";

namespace detail {
/// `now + wait`, or the last time there is where that lies beyond it.
[[nodiscard]] constexpr TimePoint time_after(TimePoint now, Duration wait) {
  return wait > TimePoint::max() - now ? TimePoint::max() : now + wait;
}
/// Marks an event as one that is due then. What its time to live counts from is when it comes.
template <class Event>
void set_due(Envelope& envelope, TimePoint due) {
  envelope.headers.set(due_header, to_rfc3339(due));
  if constexpr (event_ttl<Event>() > Duration::zero())
    if (due > envelope.time) envelope.headers.set(expiry_header, to_rfc3339(time_after(due, event_ttl<Event>())));
}
}  // namespace detail

/// What a handler may know and do beside its event. Valid for the call; used by one thread at a time.
class Context {
 public:
  struct Place {
    std::string_view topic;
    Partition partition;
    Offset offset;
    int attempt = 1;        ///< 1 the first time
    bool redriven = false;  ///< it was parked, and is driven again: it comes later than its offset says, and no other
                            ///< of its key has been handled since
  };

  /// For the runtime that calls the handler, which keeps all of it as long as the context. `stop` is asked for rarely,
  /// and copied then: its count is shared by all threads.
  Context(const EnvelopeView& envelope, Place place, std::string_view source, detail::Outlet& outlet,
          const std::stop_token* stop = nullptr, SteadyTime deadline = SteadyTime::max())
      : envelope_(&envelope), place_(place), source_(source), outlet_(&outlet), stop_(stop), deadline_(deadline) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] const EnvelopeView& envelope() const { return *envelope_; }
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] int attempt() const { return place_.attempt; }
  /// Who publishes what this handler does: the service's name.
  [[nodiscard]] std::string_view source() const { return source_; }
  /// Asks the handler to end early: the service is stopping, or this attempt's deadline is over.
  [[nodiscard]] std::stop_token stop() const { return stop_ == nullptr ? std::stop_token{} : *stop_; }

  /// When this attempt is to be over, by the clock of whoever calls the handler; the last time there is where it has no
  /// deadline.
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }

  /// Publishes `event` to its topic, with this event's correlation id and trace, and this event's id as causation.
  ///
  /// In a service the publications of one delivery leave together, in order, once the handler has succeeded, and before
  /// the delivery is acknowledged: a failed attempt publishes nothing, a crash after them may publish them again.
  /// Errors: what encoding and `validate` say.
  template <class Event>
  Result<> publish(const Event& event) {
    if constexpr (detail::is_event<Event>) {
      if (auto taken = outlet_->publish_typed(event_type<Event>, &event, *envelope_)) return std::move(*taken);
      auto envelope = make(event);
      if (!envelope) return envelope.error();
      return outlet_->publish(event_topic<Event>(), std::move(*envelope));
    } else {
      (void)detail::RefusedEvent<Event>{};
      return {};
    }
  }

  /// As `publish`, but it is published when that time has come, by the clock of the service that does it: later where
  /// none runs. It waits durably, where the service's events do or at `schedule.broker`, and keeps its id. Error
  /// `unsupported` (never) on the bus.
  template <class Event>
  Result<> publish_at(const Event& event, TimePoint due) {
    if constexpr (detail::is_event<Event>) {
      if (!outlet_->can_delay()) return Error{"unsupported", "only a service publishes later; the bus keeps nothing"};
      auto envelope = make(event);
      if (!envelope) return envelope.error();
      detail::set_due<Event>(*envelope, due);
      return outlet_->publish(event_topic<Event>(), std::move(*envelope));
    } else {
      (void)detail::RefusedEvent<Event>{};
      return {};
    }
  }
  /// The same, so long after now.
  template <class Event>
  Result<> publish_after(const Event& event, Duration wait) {
    return publish_at(event, detail::time_after(outlet_->clock().now(), wait));
  }

  /// Publishes an event that is encoded already, under its own id, into that topic: as `publish` otherwise.
  Result<> publish_envelope(std::string_view topic, Envelope envelope) {
    return outlet_->publish(topic, std::move(envelope));
  }

  /// Whether somebody waits for a reply to this event.
  [[nodiscard]] bool is_request() const { return envelope_->headers.get(reply_topic_header).has_value(); }

  /// Answers a request: as `publish`, but the event goes to who asked. A retry may answer twice; the first counts.
  /// Error `no_request` (never) where nobody waits, and those of `publish`.
  template <class Event>
  Result<> reply(const Event& event) {
    if constexpr (detail::is_event<Event>) {
      const auto topic = envelope_->headers.get(reply_topic_header);
      if (!topic)
        return Error{"no_request", "the event is no request: nobody waits for a reply; ask is_request() first"};
      auto envelope = make(event);
      if (!envelope) return envelope.error();
      envelope->headers.set(reply_to_header, envelope_->id);
      return outlet_->publish(*topic, std::move(*envelope));
    } else {
      (void)detail::RefusedEvent<Event>{};
      return {};
    }
  }

  /// On the bus: no handler call of this subscription begins after this one. Error `unsupported` elsewhere.
  Result<> unsubscribe() { return outlet_->unsubscribe(); }

 private:
  template <class Event>
  Result<Envelope> make(const Event& event) {
    return make_envelope(
        event, {.source = source_, .cause = envelope_, .clock = &outlet_->clock(), .entropy = &outlet_->entropy()});
  }

  const EnvelopeView* envelope_;
  Place place_;
  std::string_view source_;
  detail::Outlet* outlet_;
  const std::stop_token* stop_;
  SteadyTime deadline_;
};

}  // namespace tidings
