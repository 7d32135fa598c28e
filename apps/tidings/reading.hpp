#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tidings/broker/broker.hpp"

namespace tidings::cli {

struct ReadOptions {
  Start from = Start::earliest();
  /// A topic may end with what is no event, and not every broker tells: so long nothing comes, and it is given up.
  Duration quiet_max = std::chrono::seconds{3};
  std::function<bool()> goes_on{};  ///< asked between batches; none: always
  /// Hears of what is `corrupt`, and the reading goes on with the other partitions: it ends as `quiet`. None: that is
  /// an error.
  std::function<void(const Error&)> on_damage{};
};
enum class ReadEnd {
  whole,  ///< all before the ends was given
  quiet,  ///< nothing came for `quiet_max`
  ended,  ///< `goes_on` said no
};

/// Reads a topic, as the broker calls it, without a group, until each partition has come to its end in `ends`; those
/// that are not named are at theirs. `visit` may get events beyond the ends. Errors: the broker's.
Result<ReadEnd> read_up_to(Broker& broker, const std::string& topic, std::map<std::uint32_t, std::uint64_t> ends,
                           const ReadOptions& options, const std::function<void(const Delivery&)>& visit);

/// Where a topic's partitions that keep any event end.
[[nodiscard]] std::map<std::uint32_t, std::uint64_t> ends_of(const TopicInfo& topic);

/// As `ends_of`, without the partitions that have nothing at `from` or beyond it: who begins there would wait for what
/// does not come. A time is compared with that of each partition's last event; of `options` its place to begin is not
/// looked at. Errors: the broker's.
Result<std::map<std::uint32_t, std::uint64_t>> ends_beyond(Broker& broker, const TopicInfo& topic, const Start& from,
                                                           ReadOptions options = {});

/// Where `to` is in each partition of the topic, by their numbers. A time is where the first event stands that was
/// appended then or later, and the end where there is none: of `options` its place to begin is not looked at. Errors:
/// the broker's.
Result<std::vector<Offset>> places_of(Broker& broker, const TopicInfo& topic, const Start& to,
                                      ReadOptions options = {});

}  // namespace tidings::cli
