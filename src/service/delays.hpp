#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "service/host.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::service {

/// Whoever moves them on, and, before `.dead-letters`, where that is parked which cannot be.
inline constexpr std::string_view delays_group = "tidings.delays";

/// Where events wait that are to be published later: topics of a broker, one for each power of two of seconds. An event
/// with so much time left goes into the largest that is not longer, waits there for exactly that time, since it was
/// appended, and then goes on with what is left, as often as it takes; in the lowest, level 0, it waits for its time
/// itself. So what waits in a level leaves it in the order in which it came, nothing has to be remembered or sorted but
/// the last three seconds, and an event that is due in a year is written 25 times.
///
/// (Delay levels of that kind: NServiceBus's transport for RabbitMQ, 2017.)
///
/// Thread-safe.
class Delays {
 public:
  static constexpr std::uint32_t levels = 34;  ///< 2^33 s: 272 years
  static constexpr Duration last_wait = std::chrono::seconds{1};

  /// `broker` outlives it; null: nothing can wait.
  Delays(Host& host, Broker* broker) : host_(host), broker_(broker) {}

  [[nodiscard]] bool can_wait() const { return broker_ != nullptr; }
  [[nodiscard]] Broker* broker() const { return broker_; }

  /// The level in which an event goes with that much left. Level 0 is for less than three seconds; each comes to it for
  /// the last one at least, and so they leave it in the order of their times.
  [[nodiscard]] static std::uint32_t level_for(Duration left);
  /// How long it waits there; nothing in level 0, where each has its own time.
  [[nodiscard]] static Duration wait_of(std::uint32_t level);
  /// The level's topic, in the service's namespace.
  [[nodiscard]] std::string topic_of(std::uint32_t level) const { return topic_of(host_.name_space, level); }
  [[nodiscard]] static std::string topic_of(std::string_view name_space, std::uint32_t level);

  /// When it is due; nullopt: at once, since it says nothing of it.
  [[nodiscard]] static std::optional<TimePoint> due_of(const EnvelopeView& event);
  /// The topic to which it goes then; empty where it says nothing of it.
  [[nodiscard]] static std::string_view target_of(const EnvelopeView& event);
  /// As it was before it was to wait.
  [[nodiscard]] static Envelope without_marks(const EnvelopeView& event);

  /// Lets events wait that are marked with when they are due; durable when it returns. `topic`: where they are to go,
  /// without the namespace. Errors: `unsupported` (never) where nothing can wait, `invalid_event` (never) where the
  /// time is too far away, those of `Broker::publish`.
  Result<> put(std::string_view topic, std::span<const EnvelopeView> events);
  /// What `put` would publish of one, and into which topic, without the namespace: for who publishes it by way of an
  /// outbox. Error `unsupported` also where events wait at another broker.
  struct Waiting {
    std::string topic;
    Envelope event;
  };
  Result<Waiting> waiting(std::string_view topic, const EnvelopeView& event) const;
  /// The same for those that carry their target already.
  Result<> put_marked(std::span<const EnvelopeView> events);

 private:
  static constexpr Duration least_wait = std::chrono::seconds{2};

  Host& host_;
  Broker* broker_;
};

}  // namespace tidings::service
