#pragma once

#include <string>
#include <string_view>

#include "tidings/event/context.hpp"

namespace tidings {

/// The name of a topic or group in a namespace (`--namespace`): `NAMESPACE.NAME`, or the name itself where there is
/// none.
[[nodiscard]] std::string in_namespace(std::string_view name_space, std::string_view name);

/// The group of a handler, `SERVICE.HANDLER`.
[[nodiscard]] std::string group_of(std::string_view service, std::string_view handler);

/// Where a group's dead letters are parked, `GROUP.dead-letters`: the envelopes as they came, in the partition from
/// which they came, with the headers below.
[[nodiscard]] std::string dead_letters_of(std::string_view group);

/// Where the replies to a service's requests come, `SERVICE.replies`.
[[nodiscard]] std::string replies_of(std::string_view service);

/// The headers of requests and replies, which `Context::reply` knows too.
namespace reply {
inline constexpr std::string_view topic = reply_topic_header;    ///< of a request: where its reply goes
inline constexpr std::string_view to_request = reply_to_header;  ///< of a reply: the id of the request
}  // namespace reply

/// The headers of an event that waits until it is due.
namespace delay {
inline constexpr std::string_view due = due_header;             ///< RFC 3339
inline constexpr std::string_view topic = "tidings-due-topic";  ///< where it goes then, without the namespace
}  // namespace delay

/// The headers of an event whose payload is elsewhere: see docs/services.md, "Large payloads".
namespace claim {
inline constexpr std::string_view name = "tidings-claim";       ///< of the file; its last 16 digits are the XXH64
inline constexpr std::string_view size = "tidings-claim-size";  ///< of the payload, in bytes
}  // namespace claim

/// Where a service is steered while it runs, before the namespace: requests to redrive and
/// to drop dead letters, and to pause handlers.
inline constexpr std::string_view control_topic = "tidings.control";

/// The headers of a dead letter. Everything else of its envelope is as its producer made it.
namespace dead_letter {
inline constexpr std::string_view reason = "tidings-dead-reason";      ///< the last failure, for people; cut at 1 KiB
inline constexpr std::string_view code = "tidings-dead-code";          ///< its stable word
inline constexpr std::string_view attempts = "tidings-dead-attempts";  ///< at handling it, the last included
inline constexpr std::string_view topic = "tidings-dead-topic";        ///< where it stood
inline constexpr std::string_view partition = "tidings-dead-partition";
inline constexpr std::string_view offset = "tidings-dead-offset";
inline constexpr std::string_view group = "tidings-dead-group";  ///< who could not handle it
inline constexpr std::string_view time = "tidings-dead-time";    ///< when it was parked, RFC 3339
inline constexpr std::string_view order = "tidings-dead-order";  ///< `key`: later events of its key stand behind it
inline constexpr std::string_view follows =
    "tidings-dead-follows";                                    ///< offset of the first, where it stands behind one
inline constexpr std::string_view hold = "tidings-dead-hold";  ///< whose hold on the partition parked it
}  // namespace dead_letter

}  // namespace tidings
