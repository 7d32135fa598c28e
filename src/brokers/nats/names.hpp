#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::brokers::nats {

/// How topics and groups are called on the server. Names of NATS streams, tokens of subjects and keys allow no dot, so
/// `=` stands for it, which is in none of our names: another name for another topic, and back again.

/// `orders.eu` as `orders=eu`.
[[nodiscard]] std::string to_token(std::string_view name);
[[nodiscard]] std::string from_token(std::string_view token);

/// The stream of a topic's partition, `tidings=orders=eu=3`; its subject is `tidings.orders=eu.3`, and that of a
/// producer with an id has the id behind it, `tidings.orders=eu.3.7`.
[[nodiscard]] std::string stream_name(std::string_view topic, std::uint32_t partition);
[[nodiscard]] std::string subject_name(std::string_view topic, std::uint32_t partition);
[[nodiscard]] std::string producer_subject(std::string_view topic, std::uint32_t partition, std::uint64_t producer);

/// All records stand in one bucket of JetStream's key-value store, `tidings`.
inline constexpr std::string_view bucket_stream = "KV_tidings";
inline constexpr std::string_view bucket_subjects = "$KV.tidings.>";

/// Subjects of the bucket: `$KV.tidings.topics.orders=eu`, …
[[nodiscard]] std::string topic_subject(std::string_view topic);
[[nodiscard]] std::string group_subject(std::string_view topic, std::string_view group);
[[nodiscard]] std::string position_subject(std::string_view topic, std::string_view group, std::uint32_t partition);
inline constexpr std::string_view topics_prefix = "$KV.tidings.topics.";
/// Of the groups of a topic, and of the positions of one: what stands behind it is a token each.
[[nodiscard]] std::string groups_prefix(std::string_view topic);
[[nodiscard]] std::string positions_prefix(std::string_view topic, std::string_view group);

/// On this a member says that it has changed who holds what in a group: others look sooner then.
[[nodiscard]] std::string change_subject(std::string_view topic, std::string_view group);
inline constexpr std::string_view change_subjects = "tidings-changed.>";

}  // namespace tidings::brokers::nats
