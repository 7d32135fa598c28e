#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// An event of a chain of causes and effects.
struct Seen {
  std::string id, type, key, topic, cause, correlation, source;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  TimePoint time{};
  TimePoint expires = TimePoint::max();
};

/// A topic that was not read to its end.
using OnUnfinished = std::function<void(const std::string& topic, Duration quiet)>;

struct CauseOptions {
  Start from = Start::earliest();
  /// An id that tells its time (UUIDv7) is looked for from there on, and not from `from`: a minute earlier, since
  /// clocks differ.
  bool begins_by_ids = false;
  std::function<bool()> goes_on{};  ///< none: always
  OnUnfinished on_unfinished{};
  /// Hears of a topic that is damaged, of which the rest is read all the same. None: that is an error.
  std::function<void(const std::string& topic, const Error&)> on_damage{};
};

/// What belongs together over all topics of the namespace, as they stand now: the events of the correlation id `id`,
/// or, where that is the id of an event, those of its correlation. Sorted by time. Empty: there is none. Errors: the
/// broker's.
[[nodiscard]] Result<std::vector<Seen>> chain_of(Broker& broker, const Common& common, const std::string& id,
                                                 const CauseOptions& options);

}  // namespace tidings::cli
