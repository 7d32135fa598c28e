#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dashboard/collector.hpp"
#include "dashboard/filter.hpp"

namespace tidings::cli {

struct SearchBounds {
  std::size_t limit = 100;               ///< events found
  std::uint64_t searched_max = 200'000;  ///< events looked at
  Duration time_max = std::chrono::milliseconds{1500};
};
struct Found {
  std::vector<std::string> events;  ///< as JSON, the newest first
  std::uint64_t searched = 0;
  bool is_complete = false;                    ///< all that is kept was looked at
  std::map<std::string, std::string> damaged;  ///< topics of which not all could be read, and why
  std::string cursor;                          ///< where the next call goes on; empty: there is nothing more
};

/// Searches backwards, topic by topic in slices, the newest first, and stops at the bounds. A cursor is what an earlier
/// call gave, of the same filter. What is damaged is left out, and named. Where time is up before each topic has been
/// looked at the order is that of what was. Errors: `invalid_cursor` (never), the broker's.
[[nodiscard]] Result<Found> search(Broker& broker, const Common& common, const Observation& seen,
                                   const EventFilter& filter, const std::string& cursor, const SearchBounds& bounds,
                                   Clock& clock = system_clock());

/// The event that stands there; none: nothing does (any more). Errors: the broker's.
[[nodiscard]] Result<std::optional<Delivery>> event_at(Broker& broker, const Common& common, const std::string& topic,
                                                       Partition partition, Offset offset);

}  // namespace tidings::cli
