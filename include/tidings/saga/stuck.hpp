#pragma once

#include <cstdint>
#include <string>

#include "tidings/event/traits.hpp"

namespace tidings::saga {

/// A saga goes neither on nor back by itself, and waits for a person. Published in the transaction in which it became
/// so, once each time that it does; for who wakes somebody:
/// `service.on("page", {}, [](const saga::Stuck& stuck) { … })`. Services publish it unless `sagas.alerts` is false.
struct Stuck {
  std::string saga;  ///< the definition's name
  std::string id;
  int version = 1;   ///< the definition's
  std::string step;  ///< that was refused, or has no answer
  std::string reason;
  bool backward = false;      ///< in its compensation
  std::int64_t revision = 0;  ///< the instance's; the next time that it is stuck has a higher one

  static constexpr traits<Stuck> event{.name = "tidings.saga-stuck", .topic = "tidings.saga-alerts", .key = &Stuck::id};
};

}  // namespace tidings::saga
