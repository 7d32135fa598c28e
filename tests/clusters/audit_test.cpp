// The conservation audit over real servers.
#include "service/audit.hpp"

#include "brokers/kafka/cluster.hpp"
#include "brokers/kafka/names.hpp"
#include "tests/clusters/clusters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class AuditOverClusters : public ClusterTest {};
INSTANTIATE_TEST_SUITE_P(Brokers, AuditOverClusters, both_clusters(), broker_of);

TEST_P(AuditOverClusters, WhatIsHandledParkedAndExpiredAddsUp) {
  broker_->create_topic("orders", {.partitions = 3}).or_throw();
  auto& service = make();
  service.on("pay", {.retry = {.immediate = 0, .delayed = 0}, .after_parked = AfterParked::go_on},
             [&](const Order& order) -> Result<> {
               if (order.number % 3 == 0) return Error{"bad", "no"};
               return {};
             });
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; })) << lines_.all();
  (void)service.audit().or_throw();
  constexpr int events = 90;
  std::vector<Envelope> orders;
  for (int number = 0; number < events; ++number) {
    orders.push_back(make_envelope(Order{"k" + std::to_string(number), number}, {.source = "elsewhere"}).or_throw());
    if (number % 3 == 1) orders.back().headers.set(expiry_header, "2001-01-01T00:00:00Z");
  }
  std::vector<EnvelopeView> views;
  for (const auto& one : orders) views.push_back(one.view());
  broker_->publish("orders", views).or_throw();
  (void)service.audit().or_throw();  // in the middle of it, too
  ASSERT_TRUE(caught_up("orders", "test.pay")) << lines_.all();
  const auto audited = service.audit().or_throw();
  ASSERT_EQ(audited.size(), 3U);
  Audited sum;
  for (const auto& one : audited) {
    EXPECT_EQ(one.difference, 0);
    EXPECT_EQ(one.handled + one.parked + one.expired + one.pending, one.end.value);
    EXPECT_EQ(one.gaps, 0U);
    sum.handled += one.handled, sum.parked += one.parked, sum.expired += one.expired;
  }
  EXPECT_EQ(sum.handled, events / 3U);
  EXPECT_EQ(sum.parked, events / 3U);
  EXPECT_EQ(sum.expired, events / 3U);
  EXPECT_EQ(lines_.count("does not add up"), 0U) << lines_.all();
  EXPECT_EQ(lines_.count("no audit"), 0U);
}

class AuditOverKafka : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    host_.service = "shop";
    host_.broker = broker_.get();
    host_.clock = clock_;
    host_.log = &lines_;
    audit_.add({.handler = "h", .group = "g", .topic = "t", .broker_topic = "t", .state = {}});
    url_of_kafka_ = brokers::kafka::parse_url(url_).or_throw();
    cluster_ =
        brokers::kafka::Cluster::open(url_of_kafka_, std::make_shared<brokers::kafka::LogRelay>(lines_, url_of_kafka_))
            .or_throw();
  }
  void handle(std::size_t count) {
    auto member = broker_->subscribe("t", {.group = "g"}).or_throw();
    for (std::size_t done = 0; done < count;) {
      std::vector<DeliveryId> ids;
      for (const auto& one : member->fetch(count - done, 10s).or_throw()) ids.push_back(one.id);
      member->settle(ids).or_throw();
      done += ids.size();
    }
  }
  /// Moves the group as a fault would: past an event, without counting it.
  void pass_uncounted() {
    const auto group = brokers::kafka::Names(url_of_kafka_.prefix).group("t", "g");
    const auto topic = url_of_kafka_.prefix + "t";
    auto positions = cluster_->positions(group, topic, 1).or_throw();
    ++positions.at(0)->offset;
    cluster_->set_positions(group, topic, positions).or_throw();
  }

  Host host_;
  Audit audit_{host_};
  brokers::kafka::Url url_of_kafka_;
  std::unique_ptr<brokers::kafka::Cluster> cluster_;
};
INSTANTIATE_TEST_SUITE_P(Brokers, AuditOverKafka, ::testing::Values("kafka"), broker_of);

TEST_P(AuditOverKafka, FindsAnEventThatNobodyCounted) {
  for (int number = 0; number < 10; ++number)
    publish_raw("t", make_envelope(Tick{number}, {.source = "elsewhere"}).or_throw());
  handle(3);
  EXPECT_EQ(audit_.look().or_throw().at(0).difference, 0);
  handle(3);
  EXPECT_EQ(audit_.look().or_throw().at(0).difference, 0) << lines_.all();
  pass_uncounted();
  EXPECT_EQ(audit_.look().or_throw().at(0).difference, 1);
  EXPECT_EQ(lines_.count("h does not add up on t/0"), 1U) << lines_.all();
  handle(3);
  const auto last = audit_.look().or_throw().at(0);
  EXPECT_EQ(last.difference, 1) << "it stays";
  EXPECT_EQ(last.position, Offset{10});
  EXPECT_EQ(last.handled, 9U);
}

}  // namespace
}  // namespace tidings::service
