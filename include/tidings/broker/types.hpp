#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/base/durability.hpp"
#include "tidings/base/retention.hpp"
#include "tidings/base/strong.hpp"
#include "tidings/base/time.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings {

/// Error `invalid_options` (never).
Result<> validate(const Retention& retention);

/// What an event has at most, with headers, where nobody says what.
inline constexpr std::size_t event_bytes_max_default = std::size_t{1} << 20;

/// What a topic is created with; fixed for life, but for `retention`.
struct TopicOptions {
  std::uint32_t partitions = 0;          ///< 0: the broker's default (1 on one machine, 4 on a cluster)
  std::optional<Durability> durability;  ///< none: the broker's default
  std::size_t event_bytes_max = 0;       ///< with headers; 0: the broker's default (`event_bytes_max_default`)
  std::optional<Retention> retention;    ///< none: for ever

  [[nodiscard]] std::size_t event_bytes() const {
    return event_bytes_max == 0 ? event_bytes_max_default : event_bytes_max;
  }
};

/// What every broker checks before it creates a topic. Error `invalid_options` (never).
Result<> validate(const TopicOptions& options);

/// What a broker can do; what it cannot answers `unsupported`.
struct Capabilities {
  bool persistent = false;         ///< events and positions survive close and reopening
  bool several_processes = false;  ///< other processes see the same topics
  bool start_at_offset = true;
  bool start_at_time = true;
  bool seek = true;
  bool exact_lag = true;
  bool retention = false;  ///< old events go as the topic's `Retention` says
  bool delete_group = false;
  bool exact_counts = false;  ///< what a group has counted covers each offset before its position once
  bool delays = false;     ///< its topics may be used for what is to be published later: many of them, that cost little
  bool producers = false;  ///< `PublishOptions::producer` fences, and what comes twice is there once
  bool attempts_survive_crash = false;  ///< attempts of which `Consumer::begin` was told outlive their process
};

/// Where a group begins, or is moved to.
struct Start {
  struct Earliest {
    friend bool operator==(Earliest, Earliest) = default;
  };
  struct Latest {
    friend bool operator==(Latest, Latest) = default;
  };
  struct Each {
    std::vector<Offset> offsets;  ///< by partition; those that are not named begin at the earliest
    friend bool operator==(const Each&, const Each&) = default;
  };
  std::variant<Earliest, Latest, Offset, TimePoint, Each> at = Earliest{};

  static Start earliest() { return {Earliest{}}; }
  static Start latest() { return {Latest{}}; }
  static Start offset(Offset offset) { return {offset}; }  ///< in every partition; beyond the end: the end
  static Start time(TimePoint time) { return {time}; }     ///< the first event appended at or after
  /// In each partition its own, in the order of their numbers; beyond the end: the end.
  static Start each(std::vector<Offset> offsets) { return {Each{std::move(offsets)}}; }

  /// Where it is an offset: that of the partition.
  [[nodiscard]] std::optional<Offset> offset_in(Partition partition) const {
    if (const auto* const one = std::get_if<Offset>(&at)) return *one;
    const auto* const each = std::get_if<Each>(&at);
    if (each == nullptr) return std::nullopt;
    return partition.value < each->offsets.size() ? each->offsets[partition.value] : Offset{0};
  }

  friend bool operator==(const Start&, const Start&) = default;
};

/// `earliest`, `latest`, an offset, or an RFC 3339 time. Error `invalid_start`.
[[nodiscard]] Result<Start> parse_start(std::string_view text);

/// Where an event was put.
struct Published {
  Partition partition;
  Offset offset;
  bool is_duplicate = false;  ///< of a `Producer`: it was there before
  bool is_exact = true;       ///< else, of a duplicate that is not among its producer's last: it stands before `offset`
  friend bool operator==(const Published&, const Published&) = default;
};

/// Who publishes, where nothing may be there twice: also after a time-out or a crash, from another process, or from a
/// predecessor that does not know yet that it is one.
///
/// A partition keeps the last event of each of its producers, of 10,000 at least for 24 hours after it. An event with a
/// sequence at or below that one's counts as there already, and is acknowledged as a duplicate. So sequences go up,
/// from event to event, over epochs too, and may have gaps. An epoch below that of the last event is refused
/// (`fenced`): a higher one takes a partition over with the first event that it writes there.
struct Producer {
  std::uint64_t id = 0;  ///< not 0
  std::uint32_t epoch = 0;
  std::uint64_t sequence = 0;  ///< of the call's first event; each next one has the next
  friend bool operator==(const Producer&, const Producer&) = default;
};

struct PublishOptions {
  Duration wait_max = std::chrono::seconds{30};  ///< for locks, space, back-pressure and the acknowledgement
  std::optional<Durability> wait_for;            ///< more than the topic's; less is ignored
  std::optional<Partition> partition;            ///< instead of the one that the key gives
  std::optional<Producer> producer;              ///< what it has published already is not written again
  /// One for each event, or none. A broker that drops an event whose id it has had lately (`nats:`) takes two of one id
  /// for two events where these differ. Borrowed for the call.
  std::span<const std::string> apart{};
};

/// Names one attempt at one event.
struct DeliveryId {
  Partition partition;
  Offset offset;
  std::uint64_t generation = 0;  ///< of the consumer's hold on the partition; an older one is refused
  friend bool operator==(const DeliveryId&, const DeliveryId&) = default;
};

/// A member's hold on a partition.
struct Hold {
  std::uint64_t generation = 0;  ///< as its deliveries have it; 0: the broker does not say
  bool is_wanted = false;        ///< another member is to have it: begin nothing new
};

/// One attempt to hand an event to a group. Its texts live as long as any copy of it.
struct Delivery {
  DeliveryId id;
  EnvelopeView envelope;
  TimePoint appended{};  ///< by the broker's clock
  int attempt = 1;       ///< 1 the first time
  int lost = 0;          ///< of the attempts before, those that an earlier holder had begun, and never settled
  std::shared_ptr<const void> owner;  ///< keeps what `envelope` points into
};

/// A handler begins with a delivery, for the `number`-th time.
struct Attempt {
  DeliveryId id;
  int number = 1;
};

/// What became of a delivery, as the group's record counts it.
enum class Outcome { handled, parked, expired, skipped };

struct ConsumerOptions {
  std::string group;                ///< empty: a reader, which has no position and sees every partition
  Start start = Start::earliest();  ///< where the group has no position yet
  std::size_t in_flight_max =
      1000;  ///< handed out, or rejected, and not yet settled; fetch gives nothing new beyond it
  /// A delivery that was neither settled nor extended comes again after that, and a partition that is to go to another
  /// member waits no longer for it. By the member itself: on `log:` nobody takes a partition from a process that is
  /// stopped or hangs.
  Duration settle_within = std::chrono::seconds{30};
  bool create_topic = true;  ///< else a missing topic is `unknown_topic`
};

/// What every broker checks before a consumer subscribes. Errors `invalid_name`, `invalid_options` (never).
Result<> validate(const ConsumerOptions& options);

struct PartitionInfo {
  Partition partition;
  Offset earliest;  ///< the first event kept
  Offset end;       ///< one past the last that readers may see
};

struct TopicInfo {
  std::string name;
  Durability durability = Durability::durable;
  std::size_t event_bytes_max = 0;
  Retention retention{};
  std::vector<PartitionInfo> partitions;
  std::optional<Error> error;  ///< why only the name is known, as `corrupt`
};

struct GroupPartitionInfo {
  Partition partition;
  Offset position;  ///< everything before it is settled
  Offset end;
  std::uint64_t settled_beyond = 0;  ///< settled at or after `position`; the counters below leave them out
  std::uint64_t handled = 0;
  std::uint64_t parked = 0;
  std::uint64_t expired = 0;
  std::uint64_t skipped = 0;  ///< by seek, or because retention removed them
  std::uint64_t gaps = 0;     ///< offsets that hold no event: marks of transactions, and what was compacted away
  bool owned = false;         ///< a live member holds it
  Offset earliest;            ///< the first event kept

  /// Events that are still to come.
  [[nodiscard]] std::uint64_t lag() const {
    const auto next = position < earliest ? earliest : position;
    return next < end ? end.value - next.value : 0;
  }
  /// Events that retention removed before the group came to them; they count as skipped once it goes on.
  [[nodiscard]] std::uint64_t lost() const { return position < earliest ? earliest.value - position.value : 0; }
};

struct GroupInfo {
  std::string topic;
  std::string group;
  std::vector<GroupPartitionInfo> partitions;
  std::optional<Error> error;  ///< why only the names are known, as `corrupt`

  [[nodiscard]] std::uint64_t lag() const {
    std::uint64_t sum = 0;
    for (const auto& partition : partitions) sum += partition.lag();
    return sum;
  }
  [[nodiscard]] std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const auto& partition : partitions) sum += partition.lost();
    return sum;
  }
};

}  // namespace tidings
