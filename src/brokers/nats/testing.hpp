#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "testing/servers/kept_log.hpp"
#include "testing/servers/nats_server.hpp"
#include "testing/servers/needs_server.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::brokers::nats {

using Lines = tidings::testing::KeptLog;

/// A server of its own for each test, and brokers on it.
class NatsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_SERVER(tidings::testing::nats_server_is_there());
    start({});
  }
  void start(const tidings::testing::NatsServerOptions& options) {
    auto started = tidings::testing::start_nats_server(options);
    if (!started) throw std::runtime_error(to_string(started.error()));
    server = std::move(*started);
  }
  [[nodiscard]] std::string at(const std::string& who = {}, const std::string& options = {}) const {
    return "nats://" + who + "127.0.0.1:" + std::to_string(server->port()) + options;
  }
  Result<std::unique_ptr<Broker>> try_open(const std::string& url) { return open_broker(url, options()); }
  std::unique_ptr<Broker> open(const std::string& query = {}) {
    auto broker = try_open(at({}, query));
    EXPECT_TRUE(broker) << (broker ? "" : to_string(broker.error()));
    return broker ? std::move(*broker) : nullptr;
  }
  BrokerOptions options() {
    BrokerOptions made;
    made.topic_defaults.partitions = 1;
    made.log = &log;
    return made;
  }

  Lines log;
  std::unique_ptr<tidings::testing::ServerProcess> server;
};

inline Envelope event(const std::string& id, const std::string& key = {}) {
  Envelope made;
  made.id = id;
  made.type = "test.Happened";
  made.key = key;
  made.payload = "{\"id\":\"" + id + "\"}";
  return made;
}

inline Result<std::vector<Published>> publish(Broker& broker, const std::string& topic,
                                              const std::vector<Envelope>& events, const PublishOptions& options = {}) {
  std::vector<EnvelopeView> views;
  for (const auto& one : events) views.push_back(one.view());
  return broker.publish(topic, views, options);
}

inline std::unique_ptr<Consumer> join(Broker& broker, const std::string& topic,
                                      const ConsumerOptions& options = {.group = "group"}) {
  auto consumer = broker.subscribe(topic, options);
  EXPECT_TRUE(consumer) << (consumer ? "" : to_string(consumer.error()));
  return consumer ? std::move(*consumer) : nullptr;
}

/// Fetches until there are so many, or half a minute is over.
inline std::vector<Delivery> take(Consumer& consumer, std::size_t count) {
  std::vector<Delivery> got;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (got.size() < count && std::chrono::steady_clock::now() < until) {
    auto some = consumer.fetch(count - got.size(), std::chrono::milliseconds{100});
    if (!some) {
      ADD_FAILURE() << to_string(some.error());
      break;
    }
    for (auto& one : *some) got.push_back(std::move(one));
  }
  EXPECT_EQ(got.size(), count);
  return got;
}

inline std::vector<DeliveryId> ids_of(const std::vector<Delivery>& some) {
  std::vector<DeliveryId> ids;
  for (const auto& one : some) ids.push_back(one.id);
  return ids;
}

inline std::vector<std::string> names_of(const std::vector<Delivery>& some) {
  std::vector<std::string> names;
  for (const auto& one : some) names.emplace_back(one.envelope.id);
  return names;
}

}  // namespace tidings::brokers::nats
