#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/testing.hpp"
#include "testing/servers/nats_server.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_kafka.hpp"

namespace tidings::service {

/// Services over a real server, which the parameter names. A NATS server of its own for each test; Kafka takes seconds
/// to start, so the program has one, and each test a prefix of its own.
class ClusterTest : public ServiceTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (is_kafka()) {
      TIDINGS_NEEDS_SERVER(tidings::testing::kafka_is_there());
      auto& kafka = tidings::testing::SharedKafka::get();
      ASSERT_TRUE(kafka.ready()) << to_string(kafka.ready().error());
      url_ = kafka.fresh_url();
    } else {
      TIDINGS_NEEDS_SERVER(tidings::testing::nats_server_is_there());
      auto started = tidings::testing::start_nats_server();
      ASSERT_TRUE(started) << to_string(started.error());
      nats_ = std::move(*started);
      url_ = tidings::testing::nats_url(*nats_) + "?lease=2s";
    }
    broker_ = std::make_unique<Moody>(open());
  }
  void TearDown() override {
    stop();
    service_.reset();
    broker_.reset();
  }

  [[nodiscard]] bool is_kafka() const { return GetParam() == "kafka"; }
  /// Another program's broker on the same server.
  std::unique_ptr<Broker> open(std::uint32_t partitions = 1) {
    BrokerOptions options{.clock = clock_, .log = &lines_};
    options.topic_defaults.partitions = partitions;
    return open_broker(url_, options).or_throw();
  }

  /// Everything that stands in a topic now.
  std::vector<Envelope> read(std::string_view topic) {
    const auto info = broker_->topic(topic);
    if (!info) return {};
    std::vector<Envelope> all;
    std::size_t count = 0;
    for (const auto& one : info->partitions) count += one.end.value - one.earliest.value;
    auto reader = broker_->subscribe(topic, {.group = "", .create_topic = false}).or_throw();
    (void)eventually([&] {
      for (const auto& one : reader->fetch(1000, std::chrono::milliseconds{100}).or_throw())
        all.emplace_back(one.envelope);
      return all.size() >= count;
    });
    return all;
  }
  /// Of a topic of dead letters, without what else its journal has.
  std::vector<Envelope> letters(std::string_view topic) {
    auto all = read(topic);
    std::erase_if(all, [](const Envelope& one) { return !one.headers.get(dead_letter::reason); });
    return all;
  }

  std::string url_;
  std::unique_ptr<tidings::testing::ServerProcess> nats_;
};

inline std::string broker_of(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}
inline auto both_clusters() {
  return ::testing::Values("nats", "kafka");
}

}  // namespace tidings::service
