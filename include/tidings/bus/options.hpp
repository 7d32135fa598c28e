#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/time.hpp"
#include "tidings/bus/any_event.hpp"

namespace tidings {

/// What a bus works with. All of it must outlive the bus.
struct BusOptions {
  LogSink* log = &stderr_log();
  Clock* clock = &system_clock();        ///< stamps envelopes
  Entropy* entropy = &system_entropy();  ///< gives them their ids; thread-safe
};

struct SubscribeOptions {
  std::string name = {};  ///< in lists, errors and to middleware; the handler's C++ type if empty
};

/// What a publish does when a subscriber's queue is full.
enum class WhenFull {
  wait,    ///< waits for room, at most `wait_max`; then the publish has an error `backpressure` for this subscriber
  refuse,  ///< has that error at once
  drop_oldest,  ///< discards the oldest that has not begun, and counts it
};

/// A queue of a subscriber's own, and a thread that empties it in order.
struct QueueOptions {
  std::string name = {};
  /// Events in the queue, the one that is handled included (with `drop_oldest`: beside it). At least 1: 0 is taken
  /// as 1.
  std::size_t capacity = 1024;
  WhenFull when_full = WhenFull::wait;
  Duration wait_max = std::chrono::seconds{1};
  /// Called on the queue's thread when the handler fails; where it is empty, the bus's log gets a warning.
  std::function<void(const AnyEvent& event, const Error& error)> on_failure = {};
};

}  // namespace tidings
