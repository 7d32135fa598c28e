#pragma once

#include <chrono>
#include <cstdint>

#include "outbox_sides/side.hpp"

namespace bench::outbox {

struct Load {
  std::size_t connections = 1;
  std::chrono::steady_clock::duration lasts{};
  std::chrono::steady_clock::duration apart{};  ///< from one commit of a connection to the next; 0: as fast as it goes
  bool is_relayed = true;
};

struct Carried {
  std::uint64_t committed = 0;
  std::uint64_t relayed = 0;  ///< of those, while they were committed
  double seconds_committed = 0;
  double seconds_delivered = 0;  ///< until the last of them was there
  double p50_nanoseconds = 0;    ///< from a commit's return to its event in a reader's hands
};

/// Commits, and reads what comes until all of it is there, once each. Throws where something is missing.
[[nodiscard]] Carried carry(Side& side, tidings::Broker& broker, const Load& load);

}  // namespace bench::outbox
