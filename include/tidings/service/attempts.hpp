#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/service/names.hpp"

namespace tidings {

/// An attempt of a handler that failed.
struct FailedAttempt {
  int number = 0;  ///< the first is 1; over processes, where the broker remembers
  TimePoint time{};
  std::string code, reason;
};

/// What a process says of one event in one of its handlers.
struct AttemptsOfEvent {
  std::uint64_t offset = 0;
  bool in_hand = false;                 ///< it was fetched here, and is not settled
  std::optional<TimePoint> runs_since;  ///< an attempt runs, since then or up to a second before
  std::optional<TimePoint> next;        ///< it is tried again then
  int failures = 0;                     ///< attempts that failed here
  std::vector<FailedAttempt> failed;    ///< the last of these, the oldest first
};

/// What a process says of one of its handlers.
struct AttemptsAnswer {
  std::string group;    ///< without the namespace
  std::string process;  ///< the name of the instance, or `HOST:PID`
  bool takes = false;   ///< events of that type; else it passes them by
  bool holds = false;   ///< the partition
  bool paused = false;
  bool broken = false;                  ///< its circuit breaker is open
  std::vector<AttemptsOfEvent> events;  ///< those that were asked for, where it holds the partition
};

/// What is asked about events of one partition.
struct AttemptsQuestion {
  std::string topic;  ///< without the namespace
  Partition partition;
  std::vector<Offset> offsets;
  std::string type;                 ///< whether that is taken
  std::vector<std::string> groups;  ///< without the namespace
};

/// Asks the processes of services what they make of events now, by the topic `tidings.control`, which is made where it
/// is not there: what no group keeps, since it is over in milliseconds or goes on. They answer within some two seconds;
/// who is stopped, hangs as a whole, or is older than this question does not. Ends when each group whose partition is
/// held has answered for it, or after `wait_max`, or when `goes_on` says no. Errors: the broker's.
[[nodiscard]] Result<std::vector<AttemptsAnswer>> ask_about_attempts(
    Broker& broker, const AttemptsQuestion& question, std::string_view name_space,
    Duration wait_max = std::chrono::seconds{6}, const std::function<bool()>& goes_on = [] { return true; });

}  // namespace tidings
