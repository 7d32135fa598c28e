#pragma once

#include <cstdint>

#include "tidings/base/time.hpp"

namespace tidings {

/// How long a topic keeps its events: what is beyond one of the bounds goes, in the order of offsets and in large
/// pieces, never a part of one, and never the newest.
struct Retention {
  std::uint64_t bytes = 0;        ///< of each partition, which keeps at least that much; 0: without bound
  Duration age{};                 ///< since they were appended, in whole seconds; 0: without bound
  bool waits_for_groups = false;  ///< what a group has not settled stays; else a group that is left behind loses it,
                                  ///< which is logged and counts as skipped

  [[nodiscard]] bool is_for_ever() const { return bytes == 0 && age == Duration{}; }
  friend bool operator==(const Retention&, const Retention&) = default;
};

}  // namespace tidings
