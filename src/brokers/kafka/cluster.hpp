#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "brokers/kafka/client.hpp"
#include "brokers/kafka/commit_record.hpp"
#include "brokers/kafka/topic_config.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::brokers::kafka {

/// What is asked of a cluster beside publishing and fetching, each call within `request_max`,
/// or by the deadline that it is given. Names are Kafka's, with
/// the prefix. Thread-safe.
class Cluster final {
 public:
  static constexpr Duration request_max = std::chrono::seconds{10};
  static SteadyTime in_time() { return std::chrono::steady_clock::now() + request_max; }

  static Result<std::unique_ptr<Cluster>> open(const Url& url, std::shared_ptr<LogRelay> relay);
  Cluster(const Url& url, Client client, std::shared_ptr<LogRelay> relay)
      : url_(url), relay_(std::move(relay)), client_(std::move(client)) {}
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] LogRelay& log() const { return *relay_; }

  // Topics.

  /// Every topic with its partitions, but Kafka's own.
  Result<std::map<std::string, std::uint32_t>> topics();
  /// The partitions of one. Errors `unknown_topic`, and `unreachable` where each is to have a leader and does not.
  Result<std::uint32_t> partitions(const std::string& topic, SteadyTime until = in_time(),
                                   bool each_has_a_leader = false);
  /// What is set and by default, of each topic.
  Result<std::vector<Config>> configs(std::span<const std::string> topics, SteadyTime until = in_time());
  /// What was set for this topic.
  Result<Config> own_config(const std::string& topic);
  Result<> set_config(const std::string& topic, const Config& config);
  /// False: it is there already. Returns once its partitions can be written.
  Result<bool> create_topic(const std::string& topic, std::uint32_t partitions, const Config& config,
                            SteadyTime until = in_time());
  Result<> delete_topic(const std::string& topic);
  /// Topics and their partitions.
  using Shapes = std::map<std::string, std::uint32_t>;
  /// Where each partition, from 0, has its first event at or after the start; `latest` is one past the last event.
  Result<std::vector<std::uint64_t>> resolve(const std::string& topic, std::uint32_t partitions, const Start& start);
  /// The same of many, from the earliest or the latest.
  Result<std::map<std::string, std::vector<std::uint64_t>>> resolve_all(const Shapes& topics, const Start& start);

  // Groups.

  struct Position {
    std::uint64_t offset = 0;
    CommitRecord record;
  };
  /// By partition; none where nothing is committed.
  using Positions = std::vector<std::optional<Position>>;

  Result<std::vector<std::string>> groups();
  struct GroupState {
    bool is_there = false;
    std::size_t members = 0;
    std::vector<std::pair<std::string, std::uint32_t>> held;  ///< topics and partitions
  };
  Result<GroupState> group(const std::string& group);
  Result<Positions> positions(const std::string& group, const std::string& topic, std::uint32_t partitions);
  /// Of the partitions that have one. Error `group_active` where the group has members.
  Result<> set_positions(const std::string& group, const std::string& topic, const Positions& positions);
  Result<> delete_group(const std::string& group);

 private:
  template <class Ask>
  Result<Event> ask(rd_kafka_admin_op_t operation, const std::string& doing, SteadyTime until, Ask ask);
  /// The same of a group's coordinator.
  template <class Ask>
  Result<Event> ask_coordinator(rd_kafka_admin_op_t operation, const std::string& doing, Ask ask);
  template <class Ask>
  Result<Event> ask(rd_kafka_t* client, rd_kafka_admin_op_t operation, const std::string& doing, Duration timeout,
                    Duration wait, Ask ask);
  /// Another client, for questions to coordinators, which is made with the first of them.
  Result<std::shared_ptr<rd_kafka_t>> client_for_groups();
  // One question each; those above ask again where the server is only away for now.
  Result<std::vector<std::string>> ask_groups();
  Result<GroupState> ask_group(const std::string& group);
  Result<Positions> ask_positions(const std::string& group, const std::string& topic, std::uint32_t partitions);
  Result<> ask_set_positions(const std::string& group, const std::string& topic, const Positions& positions);
  Result<> ask_delete_group(const std::string& group);
  Result<Config> config_of(const rd_kafka_ConfigResource_t& resource, bool own, const std::string& doing) const;
  Result<std::vector<Config>> describe(std::span<const std::string> topics, bool own, SteadyTime until);
  Result<std::map<std::string, std::vector<std::int64_t>>> offsets_at(const Shapes& topics, std::int64_t time_ms);

  const Url url_;
  const std::shared_ptr<LogRelay> relay_;
  const Client client_;  // a consumer's handle that consumes nothing: it never makes a topic by asking for it
  std::mutex mutex_;
  std::shared_ptr<rd_kafka_t> client_for_groups_;
};

/// What stands in the group's record of a partition list's entry.
[[nodiscard]] std::optional<Cluster::Position> position_of(const rd_kafka_topic_partition_t& entry);
/// Puts an entry into a list, with its record.
void add_position(rd_kafka_topic_partition_list_t& list, const std::string& topic, std::uint32_t partition,
                  const Cluster::Position& position);

}  // namespace tidings::brokers::kafka
