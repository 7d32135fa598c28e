#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tidings/broker/types.hpp"

namespace tidings {

/// How often a failed delivery is tried again, and when, before it is parked in the group's dead letters. Full jitter:
/// a delayed attempt comes after a random time between nothing and `first * 2^n`, at most `longest`.
struct Backoff {
  int immediate = 3;  ///< attempts without a pause after the first
  int delayed = 5;    ///< attempts with one, after those
  Duration first = std::chrono::seconds{1};
  Duration longest = std::chrono::minutes{5};
};

/// How a handler is run. Settings `[handlers.<name>]` override what stands in code.
struct HandlerOptions {
  std::size_t concurrency = 4;  ///< lanes: events of one key one after another, different keys in parallel; a handler
                                ///< that takes a `Batch` has one
  Backoff retry{};
  Start start = Start::earliest();                    ///< of a new group
  std::size_t in_flight_max = 1000;                   ///< deliveries of a topic fetched and not yet settled
  std::size_t batch_max = 500;                        ///< of a handler that takes a `Batch`
  Duration settle_within = std::chrono::seconds{30};  ///< as in `ConsumerOptions`; what is in hand is extended in time
};

/// What a handler did since the service began.
struct HandlerStats {
  std::uint64_t handled = 0;  ///< events
  std::uint64_t failed = 0;   ///< attempts
  std::uint64_t parked = 0;
  std::uint64_t ignored = 0;  ///< events of types that the handler does not take
};

}  // namespace tidings
