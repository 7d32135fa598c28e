#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tidings/broker/types.hpp"

namespace tidings {

/// How the pauses between attempts are spread ("full jitter", Brooker, AWS Architecture Blog 2015).
enum class Jitter {
  full,   ///< a random time from nothing to the pause: spreads best
  equal,  ///< from half of it to all of it
  none,   ///< the pause itself
};

/// How often a failed delivery is tried again, and when, before it is parked in the group's dead letters. A delayed
/// attempt comes after a pause of `first * 2^n`, at most `longest`, spread by `jitter`.
struct Backoff {
  int immediate = 3;  ///< attempts without a pause after the first
  int delayed = 5;    ///< attempts with one, after those
  Duration first = std::chrono::seconds{1};
  Duration longest = std::chrono::minutes{5};
  Jitter jitter = Jitter::full;
  std::vector<std::string> never{};  ///< codes of errors that park at once, whatever their `retry` says
  std::vector<std::string> also{};   ///< codes that are tried again although their `retry` says never
};

/// How many events a handler begins, in one process: `events` in each `per`, and `burst` at once after a lull. A batch
/// begins when there is room for all that waits for it, or for a whole burst, so that the rate does not cut it to
/// pieces. Attempts after a pause count anew; those that follow one another at once (`Backoff::immediate`) count as
/// one.
struct RateLimit {
  std::size_t events = 0;  ///< 0: no limit
  Duration per = std::chrono::seconds{1};
  std::size_t burst = 0;  ///< 0: as `events`
};

/// Pauses a handler that does nothing but fail, as when what it needs is away: its events wait, in order, and use up no
/// attempts. Opens when `share` of the last `window` attempts have failed, those not counted whose error says `never`;
/// after `pause` one event is tried: if it succeeds the handler goes on, else the pause doubles.
struct CircuitBreaker {
  std::size_t window = 0;  ///< 0: none
  double share = 0.5;      ///< above 0, at most 1
  Duration pause = std::chrono::seconds{10};
  Duration longest = std::chrono::minutes{5};
};

/// What becomes of events of a topic whose type a handler does not take.
enum class UnknownType {
  ignore,  ///< they are settled, and counted
  park,    ///< they become dead letters, `unknown_type`
};

/// Whether the processes of a service share a handler's events.
enum class Instances {
  share,  ///< each event is handled by one of them
  /// Each event is handled by every one: caches, configuration. Where the setting `instance` names the process, it has
  /// a group of its own, `SERVICE.HANDLER.INSTANCE`, and goes on where it was. Else it remembers nothing, and begins
  /// with what comes after it has started; its dead letters are those of the handler.
  each,
};

/// What becomes of later events of a key once one of them is parked.
enum class AfterParked {
  wait,   ///< they are parked behind it, until they are driven again together
  go_on,  ///< they are handled: order does not matter to the handler, or it sees to it
};

/// How a handler is run. Settings `[handlers.<name>]` override what stands in code.
struct HandlerOptions {
  std::size_t concurrency = 4;  ///< lanes: events of one key one after another, different keys in parallel; a handler
                                ///< that takes a `Batch` has one
  Backoff retry{};
  Start start = Start::earliest();                    ///< of a new group
  std::size_t in_flight_max = 1000;                   ///< deliveries of a topic fetched and not yet settled
  std::size_t batch_max = 500;                        ///< of a handler that takes a `Batch`
  Duration batch_wait{};                              ///< so long a batch waits to be full, or for `in_flight_max`
  Duration settle_within = std::chrono::seconds{30};  ///< as in `ConsumerOptions`; what is in hand is extended in time
  /// An attempt that runs for longer is asked to end (`Context::stop`), and the log says so. Nothing: no deadline. A
  /// handler that does not end by itself is not ended.
  Duration deadline{};
  RateLimit rate{};
  CircuitBreaker breaker{};
  AfterParked after_parked = AfterParked::wait;  ///< an unnamed process of `Instances::each` always goes on
  UnknownType unknown_types = UnknownType::ignore;
  Instances instances = Instances::share;
};

/// How `Service::request` waits.
struct RequestOptions {
  Duration deadline = std::chrono::seconds{5};  ///< for publishing it, and its reply
  bool expires = false;                         ///< who comes to it after the deadline does not handle it any more
};

/// What a handler did since the service began.
struct HandlerStats {
  std::uint64_t handled = 0;  ///< events
  std::uint64_t failed = 0;   ///< attempts
  std::uint64_t parked = 0;
  std::uint64_t redriven = 0;  ///< parked ones that were driven again and handled; not among `handled`
  std::uint64_t ignored = 0;   ///< events of types that the handler does not take
  std::uint64_t expired = 0;   ///< events whose time to live was over
  std::uint64_t overran = 0;   ///< attempts that ran for longer than the deadline
  bool paused = false;         ///< by `Service::pause`, or `tidings pause`
  bool broken = false;         ///< by its circuit breaker
};

}  // namespace tidings
