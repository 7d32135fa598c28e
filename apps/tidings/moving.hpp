#pragma once

#include <cstdint>
#include <string>

#include "commands.hpp"
#include "moved_inbox.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// The group as it stands; of one that is not there, the nearest, else `otherwise`. Names are without the namespace.
/// Errors: `unknown_topic`, `unknown_group`, the broker's.
[[nodiscard]] Result<GroupInfo> known_group(Broker& broker, const Common& common, const std::string& topic,
                                            const std::string& group, const std::string& otherwise);

struct MovedGroup {
  GroupInfo before, after;
  std::uint64_t forgotten = 0;  ///< by the inbox
};
/// Moves a group that has no member; back again where its `inbox`, if it is given one, does not allow that. `replays`:
/// the inbox forgets instead. `before`: as the group stood. Errors: as `Broker::seek`, and those of `MovedInbox`.
[[nodiscard]] Result<MovedGroup> move_group(Broker& broker, const Common& common, GroupInfo before, const Start& to,
                                            MovedInbox* inbox, bool replays);

}  // namespace tidings::cli
