#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidings/broker/types.hpp"
#include "tidings/event/trace_parent.hpp"

namespace tidings::service {

class Source;
class Publications;

/// One delivery in the hands of a handler's lanes, from fetch to settling.
struct Task {
  /// What is to be done with it next. What has been reached is not done again: an event whose publications could not
  /// leave is not handled a second time.
  enum class Stage : std::uint8_t { handle, publish, park, parking };

  Delivery delivery;
  Source* source = nullptr;
  SteadyTime arrived{};                  ///< where batches are gathered
  TimePoint expires = TimePoint::max();  ///< its time to live is over then
  std::uint64_t key = 0;                 ///< the lane it belongs to; its hash, or its partition for a batch handler
  bool keyed = false;                    ///< else it is independent of every other
  bool alone = false;                    ///< of a batch that failed: comes by itself
  Stage stage = Stage::handle;
  Outcome outcome = Outcome::handled;
  bool settled = false;    ///< done with, as `outcome`
  bool dropped = false;    ///< done with, and the broker is told nothing: it is another member's now
  bool again = false;      ///< a dead letter that is driven again: of its broker's offset, but no delivery of it
  bool ordered = false;    ///< `parking`, or `again`: later events of its key stand behind it
  bool is_behind = false;  ///< `parking`: it was not tried, since it stands behind the event at offset `behind`
  std::uint64_t behind = 0;
  std::uint32_t kind = 0;    ///< which of the handler's events it is
  int failures = 0;          ///< of the handler, in this process
  int waits = 0;             ///< pauses of the stage `publish` or `park`
  std::size_t together = 0;  ///< `publish`: so many tasks from this one on share the publications
  std::unique_ptr<Publications> publications;
  std::unique_ptr<std::string> claimed;  ///< the payload, where it came from a claim check
  std::unique_ptr<Error> failure;        ///< `park`: the reason
  /// Where traces are on, of the delivery.
  struct Trace {
    TraceParent self;
    TimePoint came{};
  };
  std::unique_ptr<Trace> trace;
  Task* next = nullptr;

  /// The attempt that comes next, or runs: over processes, where the broker remembers.
  [[nodiscard]] int attempt() const { return delivery.attempt + failures; }

  // Here, where Publications is known.
  Task();
  ~Task();
  /// As new, for the next delivery.
  void reset();
};

}  // namespace tidings::service
