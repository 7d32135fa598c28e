#include <array>

#include "brokers/kafka/asking.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::kafka {

namespace {

using ListOffsets =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Ends<rd_kafka_ListConsumerGroupOffsets_destroy>>;
using AlterOffsets =
    std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t, Ends<rd_kafka_AlterConsumerGroupOffsets_destroy>>;
using OldGroup = std::unique_ptr<rd_kafka_DeleteGroup_t, Ends<rd_kafka_DeleteGroup_destroy>>;

std::span<const rd_kafka_topic_partition_t> entries(const rd_kafka_topic_partition_list_t* list) {
  if (list == nullptr) return {};
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

/// What a server says of an answer's part.
Result<> part(const rd_kafka_error_t* error, const std::string& doing, const LogRelay& relay) {
  if (error == nullptr || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return error_of(rd_kafka_error_code(error), doing, relay, rd_kafka_error_string(error));
}

/// A server refuses what comes from outside of a group that has members, by one of these.
bool says_active(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP ||
         code == RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC || code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
}

}  // namespace

std::optional<Cluster::Position> position_of(const rd_kafka_topic_partition_t& entry) {
  if (entry.offset < 0) return std::nullopt;
  return Cluster::Position{static_cast<std::uint64_t>(entry.offset),
                           parse_commit_record({static_cast<const char*>(entry.metadata),
                                                entry.metadata != nullptr ? entry.metadata_size : 0})};
}

void add_position(rd_kafka_topic_partition_list_t& list, const std::string& topic, std::uint32_t partition,
                  const Cluster::Position& position) {
  auto* entry = rd_kafka_topic_partition_list_add(&list, topic.c_str(), static_cast<std::int32_t>(partition));
  entry->offset = static_cast<std::int64_t>(position.offset);
  const auto text = to_text(position.record);
  // librdkafka frees it with the list, by its own allocator.
  auto* copy = static_cast<char*>(rd_kafka_mem_calloc(nullptr, 1, text.size() + 1));
  text.copy(copy, text.size());
  entry->metadata = copy;
  entry->metadata_size = text.size();
}

Result<std::shared_ptr<rd_kafka_t>> Cluster::client_for_groups() {
  const std::scoped_lock lock(mutex_);
  if (client_for_groups_) return client_for_groups_;
  // Without a group of its own 2.0.2 crashes where a coordinator answers that it is not ready.
  auto conf = make_conf(url_, {{"group.id", url_.prefix + "tidings-asks"}});
  if (!conf) return conf.error();
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf), *relay_);
  if (!client) return client.error();
  client_for_groups_ = std::move(*client);
  return client_for_groups_;
}

template <class Ask>
Result<Event> Cluster::ask_coordinator(rd_kafka_admin_op_t operation, const std::string& doing, Ask ask) {
  auto client = client_for_groups();
  if (!client) return client.error();
  // librdkafka aborts the process where such a question has timed out while it looked for the coordinator, and that
  // comes then. So none times out: where it has waited in vain its client goes with it, long before that.
  constexpr Duration never = request_max + std::chrono::minutes{5};
  const SteadyTime until = in_time();
  auto event = this->ask(client->get(), operation, doing, never, request_max, std::move(ask));
  if (event || std::chrono::steady_clock::now() < until) return event;
  const std::scoped_lock lock(mutex_);
  if (client_for_groups_ == *client) client_for_groups_.reset();
  return event;
}

Result<std::vector<std::string>> Cluster::ask_groups() {
  const std::string doing = "listing groups";
  auto event =
      ask(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, doing, in_time(),
          [](auto* client, auto* options, auto* queue) { rd_kafka_ListConsumerGroups(client, options, queue); });
  if (!event) return event.error();
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event->get());
  std::size_t count = 0;
  const auto* const* wrong = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  for (const auto* error : std::span(wrong, count))
    if (auto fine = part(error, doing, *relay_); !fine) return fine.error();
  const auto* const* valid = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<std::string> names;
  for (const auto* group : std::span(valid, count)) names.emplace_back(rd_kafka_ConsumerGroupListing_group_id(group));
  return names;
}

Result<Cluster::GroupState> Cluster::ask_group(const std::string& group) {
  const auto doing = "looking at group " + group;
  const auto* name = group.c_str();
  auto event =
      ask_coordinator(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, doing, [&](auto* client, auto* options, auto* queue) {
        rd_kafka_DescribeConsumerGroups(client, &name, 1, options, queue);
      });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* found =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
  GroupState state;
  for (const auto* one : std::span(found, count)) {
    if (auto fine = part(rd_kafka_ConsumerGroupDescription_error(one), doing, *relay_); !fine) return fine.error();
    state.is_there = rd_kafka_ConsumerGroupDescription_state(one) != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD;
    state.members = rd_kafka_ConsumerGroupDescription_member_count(one);
    for (std::size_t index = 0; index < state.members; ++index) {
      const auto* assignment =
          rd_kafka_MemberDescription_assignment(rd_kafka_ConsumerGroupDescription_member(one, index));
      if (assignment == nullptr) continue;
      for (const auto& entry : entries(rd_kafka_MemberAssignment_partitions(assignment)))
        state.held.emplace_back(entry.topic, static_cast<std::uint32_t>(entry.partition));
    }
  }
  return state;
}

Result<Cluster::Positions> Cluster::ask_positions(const std::string& group, const std::string& topic,
                                                  std::uint32_t partitions) {
  const auto doing = "looking at the positions of group " + group;
  const auto list = make_list(partitions);
  for (std::uint32_t partition = 0; partition < partitions; ++partition)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(partition));
  const ListOffsets wanted(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get()));
  auto* raw = wanted.get();
  auto event =
      ask_coordinator(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, doing, [&](auto* client, auto* options, auto* queue) {
        rd_kafka_ListConsumerGroupOffsets(client, &raw, 1, options, queue);
      });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* found = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count);
  Positions positions(partitions);
  for (const auto* one : std::span(found, count)) {
    if (auto fine = part(rd_kafka_group_result_error(one), doing, *relay_); !fine) return fine.error();
    for (const auto& entry : entries(rd_kafka_group_result_partitions(one))) {
      if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(entry.err, doing, *relay_);
      if (static_cast<std::uint32_t>(entry.partition) < partitions)
        positions[static_cast<std::size_t>(entry.partition)] = position_of(entry);
    }
  }
  return positions;
}

Result<> Cluster::ask_set_positions(const std::string& group, const std::string& topic, const Positions& positions) {
  const auto doing = "moving group " + group;
  const auto list = make_list(positions.size());
  for (std::uint32_t partition = 0; partition < positions.size(); ++partition)
    if (positions[partition]) add_position(*list, topic, partition, *positions[partition]);
  if (list->cnt == 0) return {};
  const AlterOffsets wanted(rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  auto* raw = wanted.get();
  auto event = ask_coordinator(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, doing,
                               [&](auto* client, auto* options, auto* queue) {
                                 rd_kafka_AlterConsumerGroupOffsets(client, &raw, 1, options, queue);
                               });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* moved = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event->get()), &count);
  const auto active = [&] { return group_active(topic, group, "try again"); };
  for (const auto* one : std::span(moved, count)) {
    if (const auto* error = rd_kafka_group_result_error(one);
        error != nullptr && says_active(rd_kafka_error_code(error)))
      return active();
    if (auto fine = part(rd_kafka_group_result_error(one), doing, *relay_); !fine) return fine;
    for (const auto& entry : entries(rd_kafka_group_result_partitions(one))) {
      if (says_active(entry.err)) return active();
      if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(entry.err, doing, *relay_);
    }
  }
  return {};
}

Result<> Cluster::ask_delete_group(const std::string& group) {
  const auto doing = "deleting group " + group;
  const OldGroup wanted(rd_kafka_DeleteGroup_new(group.c_str()));
  auto* raw = wanted.get();
  auto event = ask_coordinator(RD_KAFKA_ADMIN_OP_DELETEGROUPS, doing, [&](auto* client, auto* options, auto* queue) {
    rd_kafka_DeleteGroups(client, &raw, 1, options, queue);
  });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* gone =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event->get()), &count);
  for (const auto* one : std::span(gone, count)) {
    const auto* error = rd_kafka_group_result_error(one);
    const auto code = error != nullptr ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (says_active(code))
      return Error{"group_active", "group " + group + " has live members; stop them", Retry::same_call};
    if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;
    if (auto fine = part(error, doing, *relay_); !fine) return fine;
  }
  return {};
}

Result<std::vector<std::string>> Cluster::groups() {
  return patiently(in_time(), [&] { return ask_groups(); });
}

Result<Cluster::GroupState> Cluster::group(const std::string& group) {
  return patiently(in_time(), [&] { return ask_group(group); });
}

Result<Cluster::Positions> Cluster::positions(const std::string& group, const std::string& topic,
                                              std::uint32_t partitions) {
  return patiently(in_time(), [&] { return ask_positions(group, topic, partitions); });
}

Result<> Cluster::set_positions(const std::string& group, const std::string& topic, const Positions& positions) {
  return patiently(in_time(), [&] { return ask_set_positions(group, topic, positions); });
}

Result<> Cluster::delete_group(const std::string& group) {
  return patiently(in_time(), [&] { return ask_delete_group(group); });
}

}  // namespace tidings::brokers::kafka
