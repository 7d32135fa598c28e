#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "brokers/kafka/client.hpp"
#include "brokers/kafka/kafka_broker.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_kafka.hpp"

namespace tidings::brokers::kafka {

using tidings::testing::SharedKafka;

struct Collected final : LogSink {
  void write(LogLevel level, std::string_view line) override {
    const std::scoped_lock lock(mutex);
    lines += std::string(line) + "\n";
    if (level >= LogLevel::warning) alarms += std::string(line) + "\n";
  }
  std::string warnings() {
    const std::scoped_lock lock(mutex);
    return alarms;
  }
  std::string all() {
    const std::scoped_lock lock(mutex);
    return lines;
  }
  std::mutex mutex;
  std::string lines, alarms;
};

/// A prefix of its own on the program's Kafka.
class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_SERVER(tidings::testing::kafka_is_there());
    ASSERT_TRUE(kafka().ready()) << to_string(kafka().ready().error());
    url = kafka().fresh_url();
    prefix = url.substr(url.find("prefix=") + 7);
  }

  static SharedKafka& kafka() { return SharedKafka::get(); }
  std::unique_ptr<Broker> open(std::uint32_t partitions = 1, const std::string& more = "") {
    BrokerOptions options;
    options.log = &sink;
    options.topic_defaults.partitions = partitions;
    return open_kafka(url + more, options).or_throw();
  }
  /// A client of librdkafka's own: what others do.
  static Client other(rd_kafka_type_t type, const std::map<std::string, std::string>& more = {}) {
    std::array<char, 256> why{};
    Conf conf(rd_kafka_conf_new());
    rd_kafka_conf_set(conf.get(), "bootstrap.servers", tidings::testing::kafka_address(kafka().server()).c_str(),
                      why.data(), why.size());
    for (const auto& [name, value] : more)
      EXPECT_EQ(rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()), RD_KAFKA_CONF_OK)
          << why.data();
    return Client(rd_kafka_new(type, conf.release(), why.data(), why.size()), {std::make_shared<Opaque>()});
  }

  Collected sink;
  std::string url;
  std::string prefix;
};

inline Result<std::vector<Published>> try_publish(Broker& broker, const std::string& topic,
                                                  const std::vector<std::string>& ids, const std::string& key = {},
                                                  const PublishOptions& options = {}) {
  std::vector<EnvelopeView> events;
  for (const auto& id : ids) events.push_back({.id = id, .type = "t", .key = key, .payload = id});
  return broker.publish(topic, events, options);
}
inline std::vector<Published> publish(Broker& broker, const std::string& topic, const std::vector<std::string>& ids,
                                      const std::string& key = {}) {
  return try_publish(broker, topic, ids, key).or_throw();
}

inline std::vector<std::string> numbers(int from, int to) {
  std::vector<std::string> all;
  for (; from < to; ++from) all.push_back(std::to_string(from));
  return all;
}

inline std::vector<std::string> ids_of(const std::vector<Delivery>& deliveries) {
  std::vector<std::string> ids;
  for (const auto& one : deliveries) ids.emplace_back(one.envelope.id);
  return ids;
}
inline std::vector<DeliveryId> names_of(const std::vector<Delivery>& deliveries) {
  std::vector<DeliveryId> ids;
  for (const auto& one : deliveries) ids.push_back(one.id);
  return ids;
}

/// `count` deliveries, or as many as come within 30 s.
inline std::vector<Delivery> take(Consumer& consumer, std::size_t count, Duration within = std::chrono::seconds{30}) {
  std::vector<Delivery> got;
  const SteadyTime until = std::chrono::steady_clock::now() + within;
  while (got.size() < count && SteadyTime{std::chrono::steady_clock::now()} < until)
    for (auto& one :
         consumer.fetch(count - got.size(), until - SteadyTime{std::chrono::steady_clock::now()}).or_throw())
      got.push_back(std::move(one));
  return got;
}

/// Looks again and again, for 30 s at most.
template <class Holds>
bool comes_true(Holds holds, Duration within = std::chrono::seconds{30}) {
  for (const SteadyTime until = std::chrono::steady_clock::now() + within;
       SteadyTime{std::chrono::steady_clock::now()} < until;) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return false;
}

}  // namespace tidings::brokers::kafka
