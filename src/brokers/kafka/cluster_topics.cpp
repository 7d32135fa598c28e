#include <algorithm>
#include <array>
#include <thread>

#include "brokers/kafka/asking.hpp"

namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Ends<rd_kafka_metadata_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Ends<rd_kafka_NewTopic_destroy>>;
using OldTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, Ends<rd_kafka_DeleteTopic_destroy>>;
using Resource = std::unique_ptr<rd_kafka_ConfigResource_t, Ends<rd_kafka_ConfigResource_destroy>>;

// As the protocol has them, where a time is asked for.
constexpr std::int64_t at_end = -1;
constexpr std::int64_t at_beginning = -2;

bool is_kafkas_own(std::string_view topic) {
  return topic == "__consumer_offsets" || topic == "__transaction_state" || topic == "__cluster_metadata" ||
         topic == "__share_group_state";
}

Result<> error_of_part(rd_kafka_resp_err_t code, const char* text, const std::string& doing, const LogRelay& relay) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return error_of(code, doing, relay, text != nullptr ? text : "");
}

/// As `rd_kafka_metadata`, which does not say that no server lets us in, but waits. So it is asked again and again,
/// each time for twice as long, since a server may be slow; a refusal is seen in between.
rd_kafka_resp_err_t metadata_of(rd_kafka_t* client, rd_kafka_topic_t* only, const rd_kafka_metadata_t*& raw,
                                SteadyTime until, const LogRelay& relay) {
  Duration slice = 250ms;
  while (true) {
    const auto left = until - std::chrono::steady_clock::now();
    const auto code = rd_kafka_metadata(client, only == nullptr ? 1 : 0, only, &raw, ms_of(std::min(slice, left)));
    if (!is_away(code) || left <= slice || !relay.refusal().empty()) return code;
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR__TRANSPORT) return code;
    slice *= 2;
  }
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::open(const Url& url, std::shared_ptr<LogRelay> relay) {
  auto conf = make_conf(url, {});
  if (!conf) return conf.error();
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf), *relay);
  if (!client) return client.error();
  return std::make_unique<Cluster>(url, std::move(*client), std::move(relay));
}

Result<std::map<std::string, std::uint32_t>> Cluster::topics() {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code = metadata_of(client_.get(), nullptr, raw, std::chrono::steady_clock::now() + request_max, *relay_);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, "listing topics", *relay_);
  const Metadata metadata(raw);
  std::map<std::string, std::uint32_t> all;
  for (const auto& topic : std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt)))
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && !is_kafkas_own(topic.topic))
      all[topic.topic] = static_cast<std::uint32_t>(topic.partition_cnt);
  return all;
}

Result<std::uint32_t> Cluster::partitions(const std::string& topic, SteadyTime until, bool each_has_a_leader) {
  const auto doing = "looking at topic " + topic;
  const TopicHandle handle(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
  if (!handle) return error_of(rd_kafka_last_error(), doing, *relay_);
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code = metadata_of(client_.get(), handle.get(), raw, until, *relay_);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, doing, *relay_);
  const Metadata metadata(raw);
  if (metadata->topic_cnt != 1) return unknown_topic(topic);
  const auto& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return unknown_topic(topic);
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(found.err, doing, *relay_);
  for (const auto& partition : std::span(found.partitions, static_cast<std::size_t>(found.partition_cnt)))
    if (each_has_a_leader && partition.leader < 0)
      return error_of(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, doing, *relay_);
  if (found.partition_cnt == 0) return error_of(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, doing, *relay_);
  return static_cast<std::uint32_t>(found.partition_cnt);
}

Result<Config> Cluster::config_of(const rd_kafka_ConfigResource_t& resource, bool own, const std::string& doing) const {
  if (auto fine = error_of_part(rd_kafka_ConfigResource_error(&resource),
                                rd_kafka_ConfigResource_error_string(&resource), doing, *relay_);
      !fine)
    return fine.error();
  std::size_t count = 0;
  const auto* const* entries = rd_kafka_ConfigResource_configs(&resource, &count);
  Config config;
  for (const auto* entry : std::span(entries, count)) {
    if (own && rd_kafka_ConfigEntry_source(entry) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) continue;
    if (const auto* value = rd_kafka_ConfigEntry_value(entry); value != nullptr)
      config[rd_kafka_ConfigEntry_name(entry)] = value;
  }
  return config;
}

Result<std::vector<Config>> Cluster::describe(std::span<const std::string> topics, bool own, SteadyTime until) {
  if (topics.empty()) return std::vector<Config>{};
  const auto doing = topics.size() == 1 ? "looking at topic " + topics.front() : "looking at the topics";
  std::vector<Resource> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const auto& topic : topics)
    raw.push_back(resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str())).get());
  auto event = ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, doing, until, [&](auto* client, auto* options, auto* queue) {
    rd_kafka_DescribeConfigs(client, raw.data(), raw.size(), options, queue);
  });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* found =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  std::map<std::string, Config> by_name;
  for (const auto* resource : std::span(found, count)) {
    auto config = config_of(*resource, own, doing);
    if (!config) return config.error();
    by_name[rd_kafka_ConfigResource_name(resource)] = std::move(*config);
  }
  std::vector<Config> configs;
  for (const auto& topic : topics) configs.push_back(std::move(by_name[topic]));
  return configs;
}

Result<std::vector<Config>> Cluster::configs(std::span<const std::string> topics, SteadyTime until) {
  return describe(topics, false, until);
}

Result<Config> Cluster::own_config(const std::string& topic) {
  auto configs = describe({&topic, 1}, true, in_time());
  if (!configs) return configs.error();
  return std::move(configs->front());
}

Result<> Cluster::set_config(const std::string& topic, const Config& config) {
  const auto doing = "changing topic " + topic;
  const Resource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  for (const auto& [name, value] : config)
    rd_kafka_ConfigResource_set_config(resource.get(), name.c_str(), value.c_str());
  auto* raw = resource.get();
  auto event = ask(RD_KAFKA_ADMIN_OP_ALTERCONFIGS, doing, in_time(), [&](auto* client, auto* options, auto* queue) {
    rd_kafka_AlterConfigs(client, &raw, 1, options, queue);
  });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* changed =
      rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event->get()), &count);
  for (const auto* one : std::span(changed, count))
    if (auto fine = error_of_part(rd_kafka_ConfigResource_error(one), rd_kafka_ConfigResource_error_string(one), doing,
                                  *relay_);
        !fine)
      return fine;
  return {};
}

Result<bool> Cluster::create_topic(const std::string& topic, std::uint32_t partitions, const Config& config,
                                   SteadyTime until) {
  const auto doing = "creating topic " + topic;
  std::array<char, 256> why{};
  constexpr int replicas_by_default = -1;
  const NewTopic wanted(
      rd_kafka_NewTopic_new(topic.c_str(), static_cast<int>(partitions), replicas_by_default, why.data(), why.size()));
  if (!wanted) return Error{"invalid_options", doing + ": " + why.data()};
  for (const auto& [name, value] : config) rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  auto* raw = wanted.get();
  auto event = ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, doing, until, [&](auto* client, auto* options, auto* queue) {
    rd_kafka_CreateTopics(client, &raw, 1, options, queue);
  });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* made =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  bool is_new = true;
  for (const auto* one : std::span(made, count)) {
    const auto code = rd_kafka_topic_result_error(one);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      is_new = false;
    else if (auto fine = error_of_part(code, rd_kafka_topic_result_error_string(one), doing, *relay_); !fine)
      return fine.error();
  }
  // The controller has answered; the servers hear of it a moment later.
  while (true) {
    auto known = this->partitions(topic, until, true);
    if (known) return is_new;
    if (known.error().code != "unknown_topic" && known.error().code != "unreachable") return known.error();
    if (std::chrono::steady_clock::now() > until) return known.error();
    std::this_thread::sleep_for(5ms);
  }
}

Result<> Cluster::delete_topic(const std::string& topic) {
  const auto doing = "deleting topic " + topic;
  const OldTopic wanted(rd_kafka_DeleteTopic_new(topic.c_str()));
  auto* raw = wanted.get();
  auto event = ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, doing, in_time(), [&](auto* client, auto* options, auto* queue) {
    rd_kafka_DeleteTopics(client, &raw, 1, options, queue);
  });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* const* gone =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event->get()), &count);
  for (const auto* one : std::span(gone, count))
    if (auto fine =
            error_of_part(rd_kafka_topic_result_error(one), rd_kafka_topic_result_error_string(one), doing, *relay_);
        !fine)
      return fine;
  for (const auto until = std::chrono::steady_clock::now() + request_max;;) {
    auto known = partitions(topic);
    if (!known && known.error().code == "unknown_topic") return {};
    if (std::chrono::steady_clock::now() > until)
      return known ? error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing, *relay_) : known.error();
    std::this_thread::sleep_for(5ms);
  }
}

Result<std::map<std::string, std::vector<std::int64_t>>> Cluster::offsets_at(const Shapes& topics,
                                                                             std::int64_t time_ms) {
  const auto doing =
      topics.size() == 1 ? "looking for offsets of topic " + topics.begin()->first : "looking for offsets";
  return patiently(in_time(), [&]() -> Result<std::map<std::string, std::vector<std::int64_t>>> {
    std::map<std::string, std::vector<std::int64_t>> offsets;
    const auto list = make_list(topics.size());
    for (const auto& [topic, partitions] : topics) {
      offsets[topic].assign(partitions, at_end);
      for (std::uint32_t partition = 0; partition < partitions; ++partition)
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(partition))->offset =
            time_ms;
    }
    if (list->cnt == 0) return offsets;
    // A topic that was made a moment ago librdkafka may not know yet: the servers are asked, and it hears their answer.
    const auto failed = [&](rd_kafka_resp_err_t code) {
      auto error = error_of(code, doing, *relay_);
      if (error.code != "unknown_topic") return error;
      for (const auto& [topic, partitions] : topics)
        if (const auto there = this->partitions(topic); !there || *there < partitions) return error;
      return error_of(RD_KAFKA_RESP_ERR__WAIT_CACHE, doing, *relay_);
    };
    const auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), ms_of(request_max));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(code);
    for (const auto& one : std::span(list->elems, static_cast<std::size_t>(list->cnt))) {
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(one.err);
      offsets[one.topic].at(static_cast<std::size_t>(one.partition)) = one.offset;
    }
    return offsets;
  });
}

Result<std::map<std::string, std::vector<std::uint64_t>>> Cluster::resolve_all(const Shapes& topics,
                                                                               const Start& start) {
  auto offsets = offsets_at(topics, std::holds_alternative<Start::Earliest>(start.at) ? at_beginning : at_end);
  if (!offsets) return offsets.error();
  std::map<std::string, std::vector<std::uint64_t>> places;
  for (const auto& [topic, of] : *offsets)
    for (const auto offset : of) places[topic].push_back(static_cast<std::uint64_t>(std::max<std::int64_t>(offset, 0)));
  return places;
}

Result<std::vector<std::uint64_t>> Cluster::resolve(const std::string& topic, std::uint32_t partitions,
                                                    const Start& start) {
  const Shapes shape{{topic, partitions}};
  auto found = resolve_all(shape, start);
  if (!found) return found.error();
  auto offsets = std::move((*found)[topic]);
  if (start.offset_in(Partition{0})) {
    auto earliest = resolve(topic, partitions, Start::earliest());
    if (!earliest) return earliest.error();
    for (std::size_t index = 0; index < offsets.size(); ++index)
      offsets[index] = std::clamp(start.offset_in(Partition{static_cast<std::uint32_t>(index)})->value,
                                  std::min((*earliest)[index], offsets[index]), offsets[index]);
  }
  if (const auto* time = std::get_if<TimePoint>(&start.at)) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time->time_since_epoch()).count();
    auto firsts = offsets_at(shape, std::max<std::int64_t>(ms, 0));
    if (!firsts) return firsts.error();
    for (std::size_t index = 0; index < offsets.size(); ++index)
      if (const auto first = (*firsts)[topic][index]; first >= 0)
        offsets[index] = static_cast<std::uint64_t>(first);  // none: all are older
  }
  return offsets;
}

}  // namespace tidings::brokers::kafka
