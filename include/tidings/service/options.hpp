#pragma once

#include <chrono>
#include <cstddef>

#include "tidings/broker/types.hpp"

namespace tidings {

/// How often a failed delivery is tried again, and when, before it is parked in the group's dead letters. Full jitter: a delayed attempt comes after
/// a random time between nothing and `first * 2^n`, at most `longest`.
struct Backoff {
  int immediate = 3;                            ///< attempts without a pause after the first
  int delayed = 5;                              ///< attempts with one, after those
  Duration first = std::chrono::seconds{1};
  Duration longest = std::chrono::minutes{5};
};

/// How a handler is run. Settings `[handlers.<name>]` override what stands in code.
struct HandlerOptions {
  std::size_t concurrency = 4;                  ///< lanes: events of one key one after another, different keys in parallel
  Backoff retry{};
  Start start = Start::earliest();              ///< of a new group
  std::size_t in_flight_max = 1000;             ///< deliveries fetched and not yet settled
  std::size_t batch_max = 500;                  ///< of a handler that takes a `Batch`
};

}  // namespace tidings
