#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/clock.hpp"
#include "tidings/base/file_system.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/broker/publisher.hpp"
#include "tidings/broker/types.hpp"

namespace tidings {

/// One member of a group (or a reader), on one topic. Pull-based, so back-pressure is simply not fetching.
/// Thread-safe: one thread may fetch while others settle.
///
/// The broker shares a group's partitions among the live members; when one goes or dies, the others get its
/// partitions from the committed position. Within a partition first attempts come in the order of offsets.
///
/// A reader has nothing to settle: `settle`, `reject` and `extend` do nothing, and no limit holds what it fetches.
class Consumer {
 public:
  /// As `close()` with no time to drain.
  virtual ~Consumer() = default;

  /// Up to `max` deliveries; waits up to `wait_max` for the first. Empty: nothing came in time, the in-flight limit
  /// is reached, or `wake` was called. What was rejected or not settled in time comes again, with a higher attempt.
  /// Where 10,000 events are settled beyond one that is not, its partition gives nothing new until that one is.
  /// Errors: `closed` (reopen), `corrupt` (never), `outcome_unknown` (same call) where what others wrote could not be
  /// synced, and those of the medium (see `Broker`). What is damaged stops its own partition: the error comes once,
  /// again after some ten seconds, and otherwise the call goes on with the other partitions, if it has any.
  virtual Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) = 0;

  /// A handler begins with these now. Where `Capabilities::attempts_survive_crash` is claimed, what has not been
  /// settled when its holder goes, or dies at whatever instruction, comes to the next as a later attempt, and
  /// `Delivery::lost` says so: else an event whose handler brings the process down does so for ever. A hint, kept for
  /// the last 512 begun of a partition at least in most cases; a machine that is started again begins anew. No system
  /// call, and no wait.
  virtual void begin(std::span<const Attempt> attempts);
  /// And has done with these, so that the death of the process before `settle` is not held against them. As `begin`.
  virtual void end(std::span<const DeliveryId> ids);

  /// The deliveries are done, as `outcome`. The group's position moves to the first that is not, and is durable
  /// against the death of any process when this returns; against a power cut about a second later, or when the consumer
  /// is closed: what that takes back comes again. Settling twice is harmless.
  /// Errors: `not_owner` (never) where the partition has gone to another member: the others named in the call are
  /// settled all the same. And those of the medium (see `Broker`): what the call names is settled all the same, and
  /// comes again only if this process dies before a later call could write it down.
  virtual Result<> settle(std::span<const DeliveryId> ids, Outcome outcome = Outcome::handled) = 0;

  /// Negative acknowledgement: the deliveries come again after `delay`. Later events of the partition, those of the
  /// same key too, do not wait for them: who needs order by key keeps the event and tries it again itself, under
  /// `extend`. Errors as `settle`.
  virtual Result<> reject(std::span<const DeliveryId> ids, Duration delay = {}) = 0;

  /// The deliveries are being worked on: their time to be settled starts anew. Errors as `settle`.
  virtual Result<> extend(std::span<const DeliveryId> ids) = 0;

  /// The partitions that this member holds now.
  [[nodiscard]] virtual std::vector<Partition> assignment() const = 0;

  /// The member works on something of the partition that is no delivery, as a dead letter that is driven again: from
  /// now on the partition stays with it for `ConsumerOptions::settle_within`, as for a delivery in flight, or until
  /// `let_go`. None where the partition is not the member's. By itself it keeps nothing, and knows no generation.
  virtual std::optional<Hold> keep(Partition partition);
  virtual void let_go(Partition partition);

  /// Of a reader: an offset before which the partition has no event that was not handed out, where the broker knows
  /// more of it than those tell. With Kafka a topic's last offsets may hold marks of transactions, so that the end of
  /// `TopicInfo` is never handed out, but read to. None: nothing is known beyond what was handed out, or the partition
  /// has none of such offsets. From any thread.
  [[nodiscard]] virtual std::optional<Offset> read_to(Partition partition) const;

  /// Makes a waiting `fetch`, or the next one, return early. From any thread.
  virtual void wake() = 0;

  /// Gives the partitions back once what is in flight is settled, or `wait_max` is over; `fetch` answers `closed`
  /// from the start of it, `settle` answers `not_owner` after it.
  virtual Result<> close(Duration wait_max) = 0;
};

/// What carries envelopes between services. Thread-safe. Not to be used in a child of a fork.
///
/// Errors of the medium, which every call of a broker that keeps files may bring: `disk_full`, `too_many_files`,
/// `too_many_processes` (same call), `io_error` (reopen), `permission_denied`, `foreign_owner`, `not_a_file`,
/// `not_a_directory`, `corrupt`, `newer_version` (never), and of opening it `not_a_log` (never). Of a broker over a
/// network: `unreachable` (same call: the server is away, or not ready), `permission_denied`, `tls_failed` (never), and
/// of opening it `insecure_credentials` (never). `closed` (reopen) after `close`.
class Broker {
 public:
  /// Closes what is open, without draining.
  virtual ~Broker() = default;

  [[nodiscard]] virtual const Capabilities& capabilities() const = 0;

  /// Creates a topic. One that is there already, with the same options as far as they are given, is
  /// fine.
  /// Errors: `invalid_name`, `invalid_options`, `topic_exists_with` (never) where it differs, `exists` (never) where
  /// something that is no topic is in its way, `unsupported` for a durability that it cannot keep.
  virtual Result<> create_topic(std::string_view topic, const TopicOptions& options) = 0;

  /// Changes how long a topic keeps its events; what is too old by that goes soon. Errors: `unknown_topic`,
  /// `invalid_options`, `unsupported` (never).
  virtual Result<> set_retention(std::string_view topic, const Retention& retention);
  /// Deletes a topic: its events, and what its groups had settled; it is gone for good when this returns. Errors:
  /// `unknown_topic`, `unsupported` (never); `busy` (same call: somebody publishes to it, reads it or is a member of
  /// one of its groups, in whatever process; nothing was changed).
  virtual Result<> delete_topic(std::string_view topic);

  /// Deletes a group of a topic: where it was, and what it had settled. It begins anew with its next member. Errors:
  /// `unknown_topic`, `unknown_group`, `unsupported` (never); `group_active` (same call: it has a live member; nothing
  /// was changed).
  virtual Result<> delete_group(std::string_view topic, std::string_view group);

  /// Appends the events in order; those of one partition become visible all or none, but on `nats:` and `kafka:`, where
  /// the first may be there before the last, or alone after `outcome_unknown`. Creates the topic, unless the broker was
  /// opened otherwise. Events with a key go to `key_hash(key) % partitions`; those without, round robin by call, or, of
  /// a `Producer`, to `id % partitions`: what comes again comes to the same. The events are borrowed for the call.
  ///
  /// Returns a place for each event, in their order, once all have the topic's durability.
  /// Errors: `invalid_event`, `too_large`, `invalid_name` (never; nothing was written), `unknown_topic`, `exists`
  /// (never), `fenced` (never: the producer has a successor; in other partitions the call may have written),
  /// `unsupported` (never) for a producer where `Capabilities::producers` is not claimed, and for a `wait_for` that the
  /// broker cannot keep, `busy`, `disk_full`, `backpressure` (same call; nothing was written), `outcome_unknown` (same
  /// call: some or all may have been written; the same ids may come twice), `poisoned` (same call: a sync failed
  /// before, and what it left could not be written to another file yet, which each call tries; nothing was written).
  virtual Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                                 const PublishOptions& options = {}) = 0;

  /// For publishes that do not wait for one another: see `Publisher`. Creates the topic as `publish` does. Errors as
  /// there.
  virtual Result<std::unique_ptr<Publisher>> publisher(std::string_view topic, const PublisherOptions& options = {});

  /// Joins a group, or reads without one. Where some of the partitions are damaged `fetch` tells so; where all are,
  /// this does. Errors: `invalid_name`, `invalid_options`, `unknown_topic` (never), `busy`, `too_many_members` (same
  /// call).
  virtual Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) = 0;

  /// Every topic, by name. One that is damaged is there with its error, and hides no other.
  virtual Result<std::vector<TopicInfo>> topics() = 0;
  /// Error `unknown_topic`.
  virtual Result<TopicInfo> topic(std::string_view topic) = 0;
  /// The groups of a topic, by name; a damaged one as in `topics`. Error `unknown_topic`.
  virtual Result<std::vector<GroupInfo>> groups(std::string_view topic) = 0;

  /// Moves a group that has no live member; creates it where it is not there. Attempts start anew. What it moves
  /// forward over counts as skipped; moving back takes nothing off the counts. Where a broker keeps files it is synced
  /// when this returns, and what is damaged of the group's is written anew.
  ///
  /// Errors: `invalid_name`, `unknown_topic`, `unsupported` (never), `group_active` (same call): nothing was moved. And
  /// those of the medium (see `Broker`): some partitions may have been moved; of a damaged partition all others were.
  virtual Result<> seek(std::string_view topic, std::string_view group, const Start& to) = 0;

  /// Ends every consumer as `Consumer::close` does, then gives up what is open. Later calls answer `closed`.
  virtual Result<> close(Duration wait_max) = 0;
};

/// What a broker is opened with.
struct BrokerOptions {
  bool create_topics = true;            ///< by the first publish or subscription
  TopicOptions topic_defaults{};        ///< of those
  bool must_exist = false;              ///< what keeps the events, as a log's folder: it is not made then
  Clock* clock = &system_clock();       ///< outlives the broker, and what was made by it
  LogSink* log = &stderr_log();         ///< likewise
  FileSystem* files = &system_files();  ///< of brokers that keep files; likewise
};

/// A folder of `src/brokers/` describes itself with this.
struct BrokerFactory {
  std::string scheme;   ///< `log`
  std::string example;  ///< `log:./data`
  Result<std::unique_ptr<Broker>> (*open)(std::string_view url, const BrokerOptions& options) = nullptr;
};

}  // namespace tidings
