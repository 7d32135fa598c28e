#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "service/dead_writer.hpp"
#include "service/redriver.hpp"

namespace tidings::service {

/// What is parked of one handler's events: which keys are blocked by that, how it is written down, and how it is driven
/// again. Thread-safe.
///
/// Nothing of a key that is blocked is handled out of its turn: `take_over` comes before the first event of a hold,
/// `admit` before every attempt, `take` before the next event of the key may run.
class Parking {
 public:
  /// Blocked keys and parked events without order, beyond which further ones wait instead of being parked.
  static constexpr std::size_t remembered_max = 1'000'000;

  Parking(Host& host, std::string name, const std::string& group, const HandlerOptions& options, DrivingLanes& lanes);
  ~Parking();
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  /// Reads what is parked of the partitions whose hold is new. Errors: nothing may be handled yet; the same call.
  Result<> take_over(Source& source, std::span<const Delivery> deliveries);

  /// Before the handler gets it: leaves the task as it is; or as settled, since it is parked already; or on its way to
  /// be parked behind what is; or dropped, since it is not to be driven again now. Or says when to ask again.
  std::optional<SteadyTime> admit(Task& task);
  /// Whether one more may be parked now. Error `too_many_parked` (same call).
  Result<> room(const Task& task);
  /// A task at the stage `parking`; under the lanes' mutex. False: its partition has gone.
  bool take(Task& task);
  /// One that was driven again is settled; under the lanes' mutex.
  void driven(const Task& task);
  /// Or dropped.
  void gave_up(const Task& task);

  void requested(const std::string& id, const DeadLetterRequest& request);
  /// Nothing new is driven again.
  void begin_stop();
  /// Writes what is done. Whether all has ended by `until` (real time).
  bool wait_ended(SteadyTime until);

  [[nodiscard]] const std::string& topic() const { return topic_.name(); }
  [[nodiscard]] const DeadWriter::Counted& counted() const { return writer_.counted(); }

 private:
  void hold_nothing(Source& source, std::span<const std::uint32_t> partitions,
                    std::span<const std::uint64_t> generations);

  Host& host_;
  const bool holds_;  // not a process among others that all get every event, and share one journal
  const bool in_order_;
  DrivingLanes& lanes_;
  DeadTopic topic_;
  Shelf shelf_;
  DeadWriter writer_;
  Redriver redriver_;
};

}  // namespace tidings::service
