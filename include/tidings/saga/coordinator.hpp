#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/log_sink.hpp"
#include "tidings/event/sealer.hpp"
#include "tidings/saga/definition.hpp"
#include "tidings/saga/instance.hpp"
#include "tidings/saga/schema.hpp"

namespace tidings::saga {

struct CoordinatorOptions {
  std::string source;  ///< of what is sent: the service's name
  Tables tables;
  Clock* clock = &system_clock();  ///< these outlive the coordinator
  Entropy* entropy = &system_entropy();
  LogSink* log = &stderr_log();
  const Sealer* sealer = nullptr;  ///< seals commands and events that are to be encrypted; without one they are refused
  bool tells_stuck = false;        ///< by publishing `Stuck` (tidings/saga/stuck.hpp), beside the line in the log
  /// Told, once it is committed, when a timer is due that was set here: for who waits to call `fire_due`. It must be
  /// short, and not throw.
  std::function<void(TimePoint due)> on_due{};
  /// Told of what is written into the outbox, within the transaction, which may still come to nothing: for traces. It
  /// must not throw.
  std::function<void(std::string_view topic, const EnvelopeView& event)> on_enqueued{};
};

/// Runs one saga, in all its versions, over a store. A transition is one transaction: the instance with its timers and
/// history, and what it sends into the outbox, are there together or not at all. Thread-safe; any number of processes
/// may run one at once.
class Coordinator {
 public:
  /// `versions` are definitions of one name; new instances begin with the highest. The tables are there
  /// (`apply_schema`). Errors: `invalid_saga` (never).
  static Result<std::unique_ptr<Coordinator>> make(Store& store, std::vector<Definition> versions,
                                                   CoordinatorOptions options = {});
  ~Coordinator();

  [[nodiscard]] const std::string& name() const;
  /// Every event type that some version waits for, once each.
  [[nodiscard]] std::vector<const EventKind*> kinds() const;

  /// What the event sets off, within `tx`, whose owner commits it, and whose owner sees to it that an event comes once
  /// (the inbox). False: nothing; a duplicate, a late answer, or none of ours.
  ///
  /// Errors: `unknown_definition` (same call: the instance is of a version that this process does not have),
  /// `changed_definition` (never: its version has other steps here), `conflict` (same call, in another transaction),
  /// `no_correlation` (never), what decoding, reactions and senders say, those of statements.
  Result<bool> handle(Transaction& tx, const EnvelopeView& event);
  /// The same for several events, in their order: each of their sagas is read once and written once. One whose own
  /// result is an error has changed nothing; `behind` (same call): one before it of its saga, or of its key, has
  /// failed. Errors of the whole: those of the store.
  Result<std::vector<Result<bool>>> handle(Transaction& tx, std::span<const EnvelopeView* const> events);
  /// The same in a transaction of its own, again where another one was in the way.
  Result<bool> handle(const EnvelopeView& event);

  struct Fired {
    std::size_t fired = 0;   ///< timers that were due, and what people asked for
    std::size_t failed = 0;  ///< of others, which are tried again later; the log says why
    bool has_more = false;
  };
  /// Fires at most so many of what is due, in one transaction. One that fails holds up no other. Errors: those of
  /// `Store::begin` and of statements.
  Result<Fired> fire_due(std::size_t max = 100);
  /// When `fire_due` has something to do next; none: nothing waits. Errors as there.
  Result<std::optional<TimePoint>> next_due();

  /// Now, and here. Errors: `unknown_saga`, `not_stuck`, `saga_over`, `past_pivot`, `is_compensating` (never), as
  /// `handle`.
  Result<> steer(std::string_view id, Steering steering);

 private:
  class Impl;
  explicit Coordinator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidings::saga
