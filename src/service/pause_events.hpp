#pragma once

#include <string>
#include <vector>

#include "tidings/event/traits.hpp"

// What stands in the topic `tidings.control` about pausing: requests, and what processes answer to them.
namespace tidings::service {

/// From now on, until another says otherwise: also for who starts later.
struct PauseRequested {
  std::string target;  ///< `SERVICE`, `SERVICE/HANDLER` or `SERVICE.HANDLER`, without the namespace
  bool paused = false;
  std::string takes_back{};  ///< the id of a request: both count for nothing, as if nobody had asked
  static constexpr tidings::traits<PauseRequested> event{.name = "tidings.pause.requested", .key = tidings::unordered};
};

/// A handler that has obeyed, and what of its group its process holds.
struct PausedHandler {
  std::string group;  ///< without the namespace
  bool paused = false;
  std::vector<std::string> partitions;  ///< `orders/0`
};

/// A process has read a request that means some of its handlers.
struct PauseAnswered {
  std::string request;  ///< its id
  std::string process;  ///< the name of the instance, or `HOST:PID`
  std::vector<PausedHandler> handlers;
  static constexpr tidings::traits<PauseAnswered> event{.name = "tidings.pause.answered", .key = tidings::unordered};
};

}  // namespace tidings::service
