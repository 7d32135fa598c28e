#include <librdkafka/rdkafka.h>

#include <array>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "broker_clients/contender.hpp"

namespace bench::brokers {
namespace {

constexpr int wait_ms = 5'000;
constexpr int flush_ms = 30'000;

using Properties = std::vector<std::pair<const char*, std::string>>;

rd_kafka_t* open(rd_kafka_type_t type, const std::string& servers, const Properties& more,
                 void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr, void* opaque = nullptr) {
  std::array<char, 512> why{};
  auto* conf = rd_kafka_conf_new();
  Properties all{{"bootstrap.servers", servers}, {"socket.nagle.disable", "true"}};
  all.insert(all.end(), more.begin(), more.end());
  for (const auto& [name, value] : all)
    if (rd_kafka_conf_set(conf, name, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(why.data());
  rd_kafka_conf_set_log_cb(conf, nullptr);
  if (delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_conf_set_opaque(conf, opaque);
  auto* client = rd_kafka_new(type, conf, why.data(), why.size());
  if (client == nullptr) throw std::runtime_error(why.data());
  return client;
}

/// A consumer with Tidings' settings.
class KafkaReceiver final : public Receiver {
 public:
  KafkaReceiver(const std::string& servers, const std::string& topic, const std::string& group)
      : client_(open(RD_KAFKA_CONSUMER, servers,
                     {{"group.id", group},
                      {"enable.auto.commit", "false"},
                      {"enable.auto.offset.store", "false"},
                      {"auto.offset.reset", "earliest"},
                      {"partition.assignment.strategy", "range"},
                      {"isolation.level", "read_committed"},
                      {"session.timeout.ms", "10000"},
                      {"heartbeat.interval.ms", "500"},
                      {"fetch.error.backoff.ms", "50"},
                      {"queued.min.messages", "10000000"}})) {
    rd_kafka_poll_set_consumer(client_);
    auto* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto code = rd_kafka_subscribe(client_, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(code));
  }
  ~KafkaReceiver() override {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
  KafkaReceiver(const KafkaReceiver&) = delete;
  KafkaReceiver& operator=(const KafkaReceiver&) = delete;

  std::size_t take(std::size_t max, const Came& came) override {
    std::size_t count = 0;
    rd_kafka_message_t* last = nullptr;
    bool is_fine = true;
    for (auto* message = rd_kafka_consumer_poll(client_, wait_ms); message != nullptr;
         message = count < max ? rd_kafka_consumer_poll(client_, 0) : nullptr) {
      if (last != nullptr) rd_kafka_message_destroy(last);
      last = message;
      is_fine = is_fine && message->err == RD_KAFKA_RESP_ERR_NO_ERROR && is_event(*message);
      came(Events::number_of({static_cast<const char*>(message->payload), message->len}));
      ++count;
    }
    if (last == nullptr) return 0;
    is_fine = is_fine && store(*last);
    rd_kafka_message_destroy(last);
    return is_fine && rd_kafka_commit(client_, nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR ? count : 0;
  }

 private:
  static bool is_event(const rd_kafka_message_t& message) {
    rd_kafka_headers_t* headers = nullptr;
    const void* id = nullptr;
    const void* type = nullptr;
    std::size_t size = 0;
    return rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_header_get_last(headers, "ce_id", &id, &size) == RD_KAFKA_RESP_ERR_NO_ERROR && size > 0 &&
           rd_kafka_header_get_last(headers, "ce_type", &type, &size) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           std::string_view(static_cast<const char*>(type), size) == Events::type;
  }

  bool store(const rd_kafka_message_t& message) {
    auto* offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, rd_kafka_topic_name(message.rkt), message.partition)->offset =
        message.offset + 1;
    const auto code = rd_kafka_offsets_store(client_, offsets);
    rd_kafka_topic_partition_list_destroy(offsets);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  rd_kafka_t* const client_;
};

/// A producer with Tidings' settings.
class BareKafka final : public Contender {
 public:
  explicit BareKafka(std::string servers) : servers_(std::move(servers)) {
    client_ = open(
        RD_KAFKA_PRODUCER, servers_,
        {{"enable.idempotence", "true"},
         {"linger.ms", "0"},
         {"message.timeout.ms", "20000"},
         {"request.timeout.ms", "10000"},
         {"retry.backoff.ms", "50"},
         {"batch.size", std::to_string(512 << 10)},
         {"queue.buffering.max.messages", "10000000"},
         {"queue.buffering.max.kbytes", "2147483647"}},
        [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
          auto& counts = *static_cast<BareKafka*>(self);
          ++counts.reported_;
          if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset >= 0) ++counts.stored_;
        },
        this);
  }
  ~BareKafka() override {
    for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client_);
  }
  BareKafka(const BareKafka&) = delete;
  BareKafka& operator=(const BareKafka&) = delete;

  std::uint64_t publish(const std::string& topic, Events& events, std::uint64_t count, std::size_t window) override {
    const auto before = stored_;
    auto* const to = handle(topic);
    for (std::uint64_t number = 0; number < count; ++number) {
      while (sent_ - reported_ >= window) rd_kafka_poll(client_, 100);
      if (!send(to, events.next(number))) return 0;
      rd_kafka_poll(client_, 0);
    }
    return rd_kafka_flush(client_, flush_ms) == RD_KAFKA_RESP_ERR_NO_ERROR ? stored_ - before : 0;
  }

  bool publish_one(const std::string& topic, const Events::Event& event) override {
    const auto before = stored_;
    if (!send(handle(topic), event)) return false;
    while (reported_ < sent_) rd_kafka_poll(client_, 100);
    return stored_ == before + 1;
  }

  std::unique_ptr<Receiver> receive(const std::string& topic, const std::string& group, bool) override {
    return std::make_unique<KafkaReceiver>(servers_, topic, group);
  }

 private:
  rd_kafka_topic_t* handle(const std::string& name) {
    auto& topic = topics_[name];
    if (topic == nullptr) topic = rd_kafka_topic_new(client_, name.c_str(), nullptr);
    return topic;
  }

  /// Its headers are those that Tidings sends.
  bool send(rd_kafka_topic_t* topic, const Events::Event& event) {
    auto* headers = rd_kafka_headers_new(16);
    const auto add = [&](std::string_view name, std::string_view value) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    };
    add("ce_specversion", "1.0");
    add("ce_id", event.id);
    add("ce_type", Events::type);
    add("ce_source", Events::source);
    add("content-type", Events::content_type);
    add("ce_time", Events::time_text);
    if (rd_kafka_producev(client_, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(event.key.data(), event.key.size()),
                          RD_KAFKA_V_VALUE(const_cast<char*>(event.payload.data()), event.payload.size()),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_headers_destroy(headers);
      return false;
    }
    ++sent_;
    return true;
  }

  const std::string servers_;
  rd_kafka_t* client_ = nullptr;
  std::map<std::string, rd_kafka_topic_t*> topics_;
  std::uint64_t sent_ = 0;
  std::uint64_t reported_ = 0;  // on this thread, which polls
  std::uint64_t stored_ = 0;
};

}  // namespace

std::unique_ptr<Contender> bare_kafka(const std::string& servers) {
  return std::make_unique<BareKafka>(servers);
}

}  // namespace bench::brokers
