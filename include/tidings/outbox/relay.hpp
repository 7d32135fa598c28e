#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidings/base/entropy.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

struct RelayOptions {
  Tables tables{};
  /// Of the broker's topics: `NAME.` stands before each. An outbox belongs to the namespace of its first relay.
  std::string name_space{};
  /// Where the broker is, as `broker_place` says of its URL: while relays to one place run, one to another does
  /// not start. Empty: nobody knows.
  std::string place{};
  std::size_t batch_max = 1024;  ///< events on their way at once
  /// How long a relay that died keeps its parts. What it publishes is over well before.
  Duration lease = std::chrono::seconds{10};
  /// How long it takes at least and at most until a commit of another process is seen; in this process it is told.
  Duration poll_shortest = std::chrono::milliseconds{1};
  Duration poll_longest = std::chrono::milliseconds{50};
  /// It is also told of other processes' commits, over a connection of its own, where the database has what
  /// `apply_notify` makes. Where that connection is lost it looks as ever, and connects again.
  bool listens = false;
  /// An event that the broker refuses is tried so often, then its key is parked.
  int attempts_max = 8;
  Duration retry_first = std::chrono::seconds{1};  ///< doubles, with a jitter
  Duration retry_longest = std::chrono::minutes{5};
  /// What was published is kept in the archive for so long (`Duration::max()`: for ever); none: it is removed.
  std::optional<Duration> archive_for{};
  /// Hears what the broker has taken, and how long that took; on the relay's thread, which it must not hold up.
  std::function<void(std::string_view topic, std::span<const EnvelopeView> events, Duration took)> on_sent{};
  Entropy* entropy = &system_entropy();  ///< outlives the relay
  LogSink* log = &stderr_log();          ///< likewise
};

/// How a relay is.
struct RelayStatus {
  enum class State { running, waits_for_database, waits_for_broker, waits_for_other_place, stopped };
  State state = State::running;
  std::optional<Error> trouble;      ///< why it waits
  std::string name;                  ///< of the holder of its leases, as `OutboxStatus` lists them
  std::vector<std::uint32_t> parts;  ///< that it holds
  std::uint64_t sent = 0;            ///< acknowledged by the broker
  std::uint64_t duplicates = 0;      ///< of those, what was there before
  std::uint64_t failed = 0;          ///< attempts that the broker refused
  std::uint64_t fenced = 0;          ///< times that a successor was before it
  double sent_per_second = 0;        ///< lately
};
[[nodiscard]] std::string_view to_string(RelayStatus::State state);

/// Publishes what stands in an outbox, and removes it once the broker has it durably. Any number of relays may run over
/// one outbox, in one process or many: they share its 64 parts, and each part's events are published by one of them, in
/// the order of their ids. Where one dies the others have its parts after its lease.
///
/// On a broker that knows producers (`Capabilities::producers`: `log:`, `memory:`) each event is there once, whatever
/// dies and whoever is late. On others a relay stops well before its lease ends, and what comes twice has the same id.
///
/// An event that the broker refuses for what it is holds up its key, and no other; see `parked.hpp`. Where the database
/// or the broker is away, or full, it waits, says so, and goes on by itself. Thread-safe.
class Relay {
 public:
  /// Runs until it goes; both outlive it. Errors: `invalid_options` (never), those of `check_schema`, `other_namespace`
  /// (never): the outbox belongs to another, `other_broker` (same call): a relay to another place is there. A database
  /// that is away is waited for.
  static Result<std::unique_ptr<Relay>> start(Store& store, Broker& broker, RelayOptions options = {});

  /// As `stop`.
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Something may be there: it looks now. What `enqueue` writes in a `Transaction` of this process is told by itself;
  /// after the commit of a transaction of another kind this spares the time to the next look.
  void wake();

  [[nodiscard]] RelayStatus status() const;
  /// The same alone, for who asks often.
  [[nodiscard]] RelayStatus::State state() const;

  /// Ends what is on its way, gives its parts to others, and returns. Takes as long as a publish, at most half a lease.
  void stop();

 private:
  class Running;
  explicit Relay(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

/// What stands in an outbox, as the database says.
struct OutboxStatus {
  std::uint64_t backlog = 0;       ///< events that wait, those of held keys not among them
  bool backlog_is_exact = true;    ///< else it is about that, 10,000 at least
  std::optional<Duration> oldest;  ///< how long the first of them has waited
  std::uint64_t retried_keys = 0;  ///< held, and tried again by and by
  std::uint64_t due_keys = 0;      ///< of these, whose time has come
  std::uint64_t parked_keys = 0;   ///< held until somebody drives them again or drops them
  struct Holder {
    std::string name;
    std::vector<std::uint32_t> parts;
    bool is_late = false;  ///< its lease is over: others may take the parts
  };
  std::vector<Holder> holders;
  std::vector<std::uint32_t> free_parts;  ///< that nobody holds
};

/// Costs the same whatever the backlog. Errors: those of `Store::begin` and of statements.
[[nodiscard]] Result<OutboxStatus> status(Store& store, const Tables& tables = default_tables());

}  // namespace tidings::outbox
