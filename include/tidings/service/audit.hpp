#pragma once

#include <cstdint>
#include <string>

#include "tidings/broker/types.hpp"

namespace tidings {

/// What the conservation audit found of a handler's group in one partition. Every event that was published is, for
/// every group, handled, parked, expired, skipped (by a seek, or since retention removed it), or still to come:
/// whatever the group's position passes is counted with it, in one record. The audit sees whether that is so.
struct Audited {
  std::string handler;
  std::string group;
  std::string topic;
  Partition partition;
  Offset position;
  Offset end;
  std::uint64_t handled = 0;
  std::uint64_t parked = 0;
  std::uint64_t expired = 0;
  std::uint64_t skipped = 0;
  std::uint64_t gaps = 0;  ///< offsets that hold no event, as others' transactions leave them in Kafka
  std::uint64_t pending = 0;

  /// Events that the position has passed since this process began to look, and that nobody counted: they are lost, or
  /// their counts are. Below nothing: counted, and not passed. Always 0 where all is well; moving a group back is
  /// known.
  std::int64_t difference = 0;
  /// For so long the position has stood while events wait behind it; nothing where it goes on, or none wait.
  Duration stands_still{};
  bool lag_grows = false;  ///< more of them than when it came to stand
};

}  // namespace tidings
