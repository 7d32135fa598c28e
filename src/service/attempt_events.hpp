#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidings/event/traits.hpp"
#include "tidings/service/attempts.hpp"

// What stands in the topic `tidings.control` about attempts: questions, and what processes answer to them.
namespace tidings::service {

struct AttemptsAsked {
  std::string topic;  ///< without the namespace
  std::uint32_t partition = 0;
  std::vector<std::uint64_t> offsets;
  std::string type;
  std::vector<std::string> groups;  ///< without the namespace
  static constexpr tidings::traits<AttemptsAsked> event{.name = "tidings.attempts.asked", .key = tidings::unordered};
};

struct AttemptsTold {
  std::string request;  ///< its id
  std::string process;
  std::vector<AttemptsAnswer> handlers;
  static constexpr tidings::traits<AttemptsTold> event{.name = "tidings.attempts.told", .key = tidings::unordered};
};

}  // namespace tidings::service
